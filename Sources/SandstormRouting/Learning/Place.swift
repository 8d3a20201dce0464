import SandstormCore

/// What is known of one offer, and what is under way there.
struct Place: Sendable {
    /// Where the breaker and the limit of its account are kept.
    let breaker: Int
    let limit: Int
    var startup: StartupModel
    /// How much longer or shorter code runs here than elsewhere.
    var speed = FadingMean()
    /// Sandboxes that started, and the share of them that died under the code.
    var deaths = FadingMean()
    /// At which hours it is slower than at others.
    var slowness = SlownessPattern()
    /// Creates under way.
    var pending = 0

    private var prospects: Prospects?
    private var isStale = true
    /// The chances behind the prospects.
    private(set) var curve = StartupCurve(survival: [], failure: 0)
    /// Grows whenever the curve changes.
    private(set) var version = 0

    /// What decisions look at, as of some moment.
    struct Prospects: Sendable {
        /// ``Race/alone(_:limit:)``, in milliseconds.
        var loss: Float
        /// Its natural logarithm.
        var logLoss: Double
        var limit: Float
        /// Half of the creates that succeed have started by then; in milliseconds, as decisions reckon with it for each offer.
        var median: Int64
        /// Nine in ten have.
        var late: Int64
        /// In millionths.
        var failure: Int
        var death: Int
        /// The factor by which code runs longer here than elsewhere.
        var speed: Float
        var asOf: Int64
    }

    init(breaker: Int, limit: Int, promised: Duration) {
        self.breaker = breaker
        self.limit = limit
        startup = StartupModel(promised: promised)
    }

    mutating func learn(_ body: (inout Place) -> Void) {
        body(&self)
        isStale = true
    }

    /// Reckoned anew only after something was learned or time has passed over it.
    mutating func prospects(at now: Moment, limit: Float) -> Prospects {
        if let prospects, !isStale, prospects.limit == limit, now.milliseconds - prospects.asOf < Place.freshness { return prospects }
        startup.advance(to: now)
        curve = startup.curve()
        version += 1
        let died = deaths.mean(prior: Place.usualDeaths, weight: 20)
        let loss = Race.alone(curve, limit: limit)
        let reckoned = Prospects(
            loss: loss, logLoss: Logarithm.natural(Double(max(1, loss))), limit: limit,
            median: startup.quantile(0.5, of: curve).wholeMilliseconds,
            late: startup.quantile(0.9, of: curve).wholeMilliseconds, failure: Int(curve.failure * 1_000_000),
            death: Int(min(0.9, max(0, died)) * 1_000_000),
            speed: Float(Logarithm.exponential(speed.mean(prior: 0, weight: 10))), asOf: now.milliseconds)
        prospects = reckoned
        isStale = false
        return reckoned
    }

    private static let freshness: Int64 = 60_000
    private static let usualDeaths = 0.001
}
