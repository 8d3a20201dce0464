import Foundation
import RoutingSimulation
import SandstormCore
import SandstormRouting

/// A world of which every draw is written down.
struct TestWorld: World {
    var offerCount: Int
    var requests: [SimulatedRequest]
    var patience: Microseconds?
    /// By offer, then by the number of the try; the last counts for further ones.
    var draws: [[Draw]]
    var limits: [Int: Limit] = [:]
    let workloads = [WorkloadClass.unknown]

    init(_ draws: [[Draw]], requests: [SimulatedRequest], patience: Microseconds? = nil, limits: [Int: Limit] = [:]) {
        self.draws = draws
        self.requests = requests
        self.patience = patience
        self.limits = limits
        offerCount = draws.count
    }

    var markets: [Market] {
        [Market(since: 0, offers: draws.indices.map { ($0, TestWorld.offer($0)) })]
    }

    /// One micro-dollar per second and number, so that prices can be told apart.
    static func offer(_ index: Int) -> Offer {
        Offer(
            id: "\(index)", provider: ProviderID("p\(index)"), resources: Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 0),
            isolation: .standard, price: PriceSchedule(perVCPUSecond: Rate(picodollars: Int64(index + 1) * 1_000_000)),
            startLatency: .seconds(1))
    }

    func draw(_ request: SimulatedRequest, on offer: Int, try number: Int, at instant: Microseconds) -> Draw {
        draws[offer][min(number, draws[offer].count - 1)]
    }

    func limit(of offer: Int, at instant: Microseconds) -> Limit? { limits[offer] }
}

/// Goes where it is told: first to `first`, after its delay on through `hedges`, after failures on through `rest`.
struct ScriptedPolicy: RoutingPolicy {
    var first: Int
    var hedgeDelay: Microseconds?
    /// By the number of creates so far.
    var hedges: [HedgeStep] = []
    var rest: [Int] = []
    var heard = Heard()

    /// What it was told, seen from outside.
    final class Heard {
        var events: [String] = []
        /// How long it had waited when it was asked for a further create.
        var hedges: [Microseconds] = []
    }

    mutating func see(_ market: Market) {}
    mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        RoutingPlan(offer: first, hedgeDelay: hedgeDelay)
    }
    mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        let name =
            switch event {
            case .started: "started"
            case .failed(let code, _, _): "failed \(code)"
            case .abandoned: "abandoned"
            case .finished: "finished"
            case .interrupted: "interrupted"
            }
        heard.events.append("\(offer) \(name)")
    }
    mutating func hedge(_ request: SimulatedRequest, tried: [Int], waited: Microseconds, at now: Microseconds) -> HedgeStep {
        heard.hedges.append(waited)
        return tried.count <= hedges.count ? hedges[tried.count - 1] : .none
    }
    mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        rest.count >= failures.count ? .attempt(rest[failures.count - 1], after: 0) : .giveUp
    }
}

/// The scenarios that are shipped, and variations of them.
enum Packs {
    static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Benchmarks/RoutingQuality/Packs")

    static let names = [
        "cold-start-storms", "correlated-failures", "daily-pattern", "flapping", "heavy-tailed-durations", "lying-provider",
        "price-surge", "quota-exhaustion", "slow-drift", "spot-evictions", "stationary", "sudden-outage",
    ]

    static func read(_ name: String) throws -> String {
        try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
    }

    /// A scenario that is like one of the shipped, but for the members given.
    static func scenario(like name: String, _ members: String = "") throws -> Scenario {
        let text = "{\"like\": \"\(name).json\"\(members.isEmpty ? "" : ", " + members)}"
        return try Scenario(json: text, file: "test.json", read: read)
    }
}
