import SandstormCore
import SandstormRouting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What was learned of how one shape is asked for at one place.
struct PoolDemand: Sendable {
    /// What the planner knows it by.
    let id: UInt64
    /// Of the shape and nothing else.
    let spec: SandboxSpec
    /// Where those who ask were sent, as it was offered last.
    var offer: Offer
    var forecast = ArrivalForecast()
    /// When it was last asked for.
    private(set) var asked: Moment
    /// How often it was asked for, in the last weeks above all.
    private var requests: Double
    /// How long the last creates took, the oldest first.
    private var startups: [Duration] = []

    private static let remembered = 16

    init(id: UInt64, spec: SandboxSpec, offer: Offer, asked: Moment) {
        self.id = id
        self.spec = spec
        self.offer = offer
        self.asked = asked
        requests = 1
        forecast.record(at: asked)
    }

    /// Somebody asks for it there, where it is now offered so.
    mutating func asked(on offer: Offer, at now: Moment) {
        requests = requests(at: now) + 1
        asked = now
        self.offer = offer
        forecast.record(at: now)
    }

    /// ``requests`` as of now: those of two weeks ago count half.
    func requests(at now: Moment) -> Double { requests * exp2(-max(0, (now - asked).inSeconds) / (14 * 86_400)) }

    mutating func started(after time: Duration) {
        startups.append(time)
        if startups.count > PoolDemand.remembered { startups.removeFirst() }
    }

    /// Three creates in four take no longer.
    private var startup: Duration { startups.isEmpty ? offer.startLatency : startups.sorted()[startups.count * 3 / 4] }

    /// What one costs that waits there for an hour; `nil` if the place can't say.
    func idlePerHour(replacedAfter life: Duration) -> Money? { offer.idlePerHour(replacedAfter: life) }

    /// What the planner is asked; `nil` if nobody knows what waiting costs there.
    func demand(replacedAfter life: Duration) -> PoolPlanner.Demand? {
        guard let idle = idlePerHour(replacedAfter: life) else { return nil }
        return PoolPlanner.Demand(id: id, forecast: forecast, places: [.init(startup: startup, idlePerHour: idle)])
    }
}

extension PoolDemand {
    var json: JSONValue {
        [
            "spec": spec.json, "offer": offer.json, "forecast": forecast.json, "asked": .integer(asked.milliseconds),
            "requests": .number("\(requests)"),
            "startups": .array(startups.map { .integer($0.wholeMilliseconds) }),
        ]
    }

    /// What an earlier process learned; `nil` if `json` is something else.
    init?(id: UInt64, json: JSONValue) {
        guard let spec = json["spec"].map(SandboxSpec.init(journaled:)), let offer = json["offer"].map(Offer.init(json:)),
            let forecast = json["forecast"].flatMap({ ArrivalForecast(json: $0) }),
            let asked = json["asked"]?.intValue, let requests = json["requests"]?.doubleValue, requests >= 0
        else { return nil }
        self.init(id: id, spec: spec, offer: offer, asked: Moment(milliseconds: Int64(asked)))
        self.forecast = forecast
        self.requests = requests
        for time in json["startups"]?.arrayValue?.compactMap(\.intValue).prefix(PoolDemand.remembered) ?? [] where time >= 0 {
            started(after: .milliseconds(time))
        }
    }
}

extension Offer {
    /// What a sandbox costs that waits for an hour, what it costs to replace it after `life` included; `nil` if there is no price.
    func idlePerHour(replacedAfter life: Duration) -> Money? {
        guard let cost = price.cost(of: resources, for: .seconds(3600)) else { return nil }
        let (perCreate, life) = (Int128(price.perCreate.nanodollars), Int128(max(life.wholeMilliseconds, 1)))
        let replaced = (perCreate * 3_600_000 + life - 1) / life
        return Int64(exactly: Int128(cost.nanodollars) - perCreate + replaced).map { Money(nanodollars: $0) }
    }

    /// The same place, whatever it charges by now.
    func isSamePlace(as other: Offer) -> Bool {
        id == other.id && provider == other.provider && account == other.account && region == other.region
    }
}
