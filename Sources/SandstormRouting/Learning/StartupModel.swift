import SandstormCore

/// How long an offer takes from the create to the running code, and how often nothing comes of it: learned from what was tried there.
///
/// Two memories are blended: a short one that follows a bad hour within tens of observations, and a long one that it leans on where
/// little is recent. Before anything is known there is the offer's own word, of little weight.
struct StartupModel: Sendable {
    private var recent = FadingHistogram()
    private var lasting = FadingHistogram()
    /// What was promised, in milliseconds.
    private let promised: Double
    /// Creates that have begun here.
    private var begun: Int64 = 0
    /// When the latest of them began, by their number: an observation is as old as its create, however late it comes. In a burst, whatever
    /// took longest is heard of last, and would otherwise count most.
    private var beginnings: [Int64] = []
    private var fadedBegins: Int64 = 0
    private var fadedAt: Int64 = .min
    private(set) var observed: Int64 = 0
    private(set) var lastObserved: Int64 = .min

    init(promised: Duration) { self.promised = Double(max(1, promised.wholeMilliseconds)) }

    // MARK: Learning

    /// What remains of an observation after one more create: of the short memory and of the long one.
    private static let remainder = (recent: 0.95, lasting: 0.996)
    /// Milliseconds after which time alone has left a third.
    private static let life = (recent: 7_200_000.0, lasting: 604_800_000.0)
    private static let memory = 64

    mutating func began(at now: Moment) {
        fade(to: now)
        if beginnings.isEmpty { beginnings = Array(repeating: .min, count: StartupModel.memory) }
        beginnings[Int(begun % Int64(StartupModel.memory))] = now.milliseconds
        begun += 1
    }

    mutating func started(after duration: Duration, at now: Moment) {
        add(TimeScale.bin(Double(duration.wholeMilliseconds)), begun: now.milliseconds - duration.wholeMilliseconds, at: now)
    }

    mutating func failed(after duration: Duration, at now: Moment) {
        let (short, long) = weights(begun: now.milliseconds - duration.wholeMilliseconds, at: now)
        recent.addFailure(weight: short)
        lasting.addFailure(weight: long)
        note(now)
    }

    /// It had not started after so long; how long it would have taken is spread as everything longer was so far.
    mutating func abandoned(after duration: Duration, at now: Moment) {
        let bin = TimeScale.bin(Double(duration.wholeMilliseconds))
        let (short, long) = weights(begun: now.milliseconds - duration.wholeMilliseconds, at: now)
        let curve = curve()
        let tail = bin + 1 < TimeScale.bins ? curve.survival[bin] : 0
        if tail > 1e-6 {
            for later in bin + 1..<TimeScale.bins {
                let share = (curve.survival[later - 1] - curve.survival[later]) / tail
                guard share > 0 else { continue }
                recent.add(later, weight: short * share)
                lasting.add(later, weight: long * share)
            }
        } else {
            let later = min(bin + 2, TimeScale.bins - 1)
            recent.add(later, weight: short)
            lasting.add(later, weight: long)
        }
        note(now)
    }

    private mutating func add(_ bin: Int, begun: Int64, at now: Moment) {
        let (short, long) = weights(begun: begun, at: now)
        recent.add(bin, weight: short)
        lasting.add(bin, weight: long)
        note(now)
    }

    private mutating func note(_ now: Moment) {
        observed += 1
        lastObserved = now.milliseconds
    }

    private mutating func weights(begun moment: Int64, at now: Moment) -> (Float, Float) {
        fade(to: now)
        // How many creates began after this one.
        var later = 0
        while later < min(Int(begun), StartupModel.memory) {
            if beginnings[Int((begun - 1 - Int64(later)) % Int64(StartupModel.memory))] <= moment { break }
            later += 1
        }
        return (
            Float(StartupModel.power(StartupModel.remainder.recent, later)),
            Float(StartupModel.power(StartupModel.remainder.lasting, later))
        )
    }

    private mutating func fade(to now: Moment) {
        let creates = Int(begun - fadedBegins)
        let elapsed = fadedAt == .min ? 0 : Double(max(0, now.milliseconds - fadedAt))
        fadedBegins = begun
        fadedAt = max(fadedAt, now.milliseconds)
        guard creates > 0 || elapsed > 0 else { return }
        recent.fade(
            to: StartupModel.power(StartupModel.remainder.recent, creates) * Logarithm.exponential(-elapsed / StartupModel.life.recent))
        lasting.fade(
            to: StartupModel.power(StartupModel.remainder.lasting, creates) * Logarithm.exponential(-elapsed / StartupModel.life.lasting))
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var (result, square, rest) = (1.0, base, exponent)
        while rest > 0 {
            if rest & 1 == 1 { result *= square }
            square *= square
            rest >>= 1
        }
        return result
    }

    // MARK: Foreseeing

    /// What the short memory weighs against what is lasting and what was promised.
    private static let weight = (lasting: Float(10), promise: Float(1))
    /// Before anything is known, so many creates come to nothing.
    private static let usualFailure: Float = 0.02
    /// How far a promise is believed: the same in bins to either side, a factor of three.
    private static let spread: [Float] = (0..<TimeScale.bins).map { Float(Logarithm.exponential(-Double($0 * $0) / 72)) }

    /// How much is known of now, in observations.
    var recentWeight: Float { recent.weight }
    var isKnown: Bool { recent.weight + lasting.weight > 0.5 }

    /// The middle of what was observed in the long run; the promise, until something was.
    var lastingMedian: Duration {
        guard !lasting.counts.isEmpty else { return .milliseconds(Int64(promised)) }
        var left = (lasting.weight - lasting.failureWeight) / (2 * lasting.scale)
        for bin in 0..<TimeScale.bins {
            left -= lasting.counts[bin]
            if left <= 0 { return .milliseconds(Int64(TimeScale.middles[bin])) }
        }
        return .milliseconds(Int64(promised))
    }

    /// When the first create began, until something was observed; `nil` if none has, or too many to remember the first.
    var firstBegan: Moment? { begun > 0 && begun <= StartupModel.memory ? Moment(milliseconds: beginnings[0]) : nil }

    mutating func advance(to now: Moment) { fade(to: now) }

    /// The chances of having started by the end of each bin.
    func curve() -> StartupCurve {
        let lean = min(StartupModel.weight.lasting, lasting.weight)
        let lastingScale = lasting.weight > 0 ? lean / lasting.weight * lasting.scale : 0
        let centre = TimeScale.bin(promised)
        var sum: Float = 0
        for bin in 0..<TimeScale.bins { sum += StartupModel.spread[abs(bin - centre)] }
        let promise = StartupModel.weight.promise / sum
        var mass = [Float](repeating: 0, count: TimeScale.bins)
        var starts: Float = 0
        for bin in 0..<TimeScale.bins {
            var weight = promise * StartupModel.spread[abs(bin - centre)]
            if !recent.counts.isEmpty { weight += recent.counts[bin] * recent.scale }
            if !lasting.counts.isEmpty { weight += lasting.counts[bin] * lastingScale }
            mass[bin] = weight
            starts += weight
        }
        let total = recent.weight + lean + StartupModel.weight.promise
        var failures = StartupModel.weight.promise * StartupModel.usualFailure + recent.failureWeight
        failures += lasting.failures * lastingScale
        let failure = min(0.999, failures / total)
        var left = 1 - failure
        let share = left / starts
        for bin in 0..<TimeScale.bins {
            left = max(0, left - mass[bin] * share)
            mass[bin] = left
        }
        return StartupCurve(survival: mass, failure: failure)
    }

    /// The time within which a share of the creates that succeed have started; the promise, until something was observed.
    func quantile(_ share: Float, of curve: StartupCurve) -> Duration {
        guard isKnown else { return .milliseconds(Int64(promised)) }
        return .milliseconds(Int64(curve.quantile(share)))
    }
}

extension StartupModel {
    var kept: JSONValue {
        ["recent": .array(recent.kept.map { .integer($0) }), "lasting": .array(lasting.kept.map { .integer($0) }), "at": .integer(fadedAt)]
    }

    /// Restores what ``kept`` gave; `nil` if it is nothing of the kind.
    init?(kept: JSONValue, promised: Duration) {
        self.init(promised: promised)
        let numbers = ["recent", "lasting"].map { (kept[$0]?.arrayValue ?? []).compactMap(\.intValue) }
        guard let recent = FadingHistogram(kept: numbers[0]), let lasting = FadingHistogram(kept: numbers[1]), let at = kept["at"]?.intValue
        else { return nil }
        self.recent = recent
        self.lasting = lasting
        fadedAt = Int64(at)
        lastObserved = fadedAt
        observed = lasting.weight > 0 ? 1 : 0
    }
}
