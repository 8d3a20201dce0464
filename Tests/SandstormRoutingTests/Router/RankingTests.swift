import SandstormCore
import Testing

@testable import SandstormRouting

@Suite("Ranking") struct RankingTests {
    static let dear = Market.offer("dear", perVCPUSecond: 90_000_000, latency: .milliseconds(50))
    static let cheap = Market.offer("cheap", perVCPUSecond: 10_000_000, latency: .milliseconds(900))

    @Test func `the objective decides the order`() {
        var router = Router()
        #expect(router.order([Self.dear, Self.cheap], Constraints(objective: .cheapest)) == ["cheap", "dear"])
        #expect(router.order([Self.dear, Self.cheap], Constraints(objective: .fastest)) == ["dear", "cheap"])
        #expect(router.order([Self.dear, Self.cheap], Constraints(weights: .init(cost: 90, latency: 10))) == ["cheap", "dear"])
        #expect(router.order([Self.dear, Self.cheap], Constraints(weights: .init(cost: 10, latency: 90))) == ["dear", "cheap"])
    }

    @Test func `preferences come before the objective, in their order`() {
        var router = Router()
        let other = Market.offer("other", perVCPUSecond: 50_000_000)
        let constraints = Constraints(preferredProviders: ["dear", "other"], objective: .cheapest)
        #expect(router.order([Self.cheap, other, Self.dear], constraints) == ["dear", "other", "cheap"])
        let regional = [Market.offer("a", perVCPUSecond: 1, region: "us"), Market.offer("b", perVCPUSecond: 5, region: "eu")]
        #expect(router.order(regional, Constraints(preferredRegion: "eu")) == ["b", "a"])
    }

    @Test func `hard constraints drop an offer and say why`() {
        var router = Router()
        let table = router.table(
            of: Market.groups([
                Market.offer("x", region: "eu", isolation: .strong), Market.offer("weak", region: "eu"),
                Market.offer("far", region: "us", isolation: .strong),
                Market.offer("slow", latency: .seconds(1), region: "eu", isolation: .maximum),
                Market.offer("ruled", region: "eu", isolation: .maximum), Market.offer("good", region: "eu", isolation: .maximum),
            ]) + [ProviderOffers(provider: "none", offers: [], refusal: "gpu L4: not on offer")])
        let constraints = Constraints(
            maxLatency: .milliseconds(200), excludeProviders: ["x"], routing: .excluded([RoutingRule.Target(provider: "ruled")]))
        let decision = router.rank(RoutingRequest(constraints, region: "eu", isolation: .strong), among: table, at: Market.start).decision
        #expect(decision.ranking.map(\.offer.provider) == ["good"])
        let reasons = Dictionary(uniqueKeysWithValues: decision.candidates.map { ($0.offer.provider.rawValue, $0.reason) })
        #expect(reasons["x"] == "excluded by the request")
        #expect(reasons["weak"] == "isolation standard is weaker than strong")
        #expect(reasons["far"] == "not in region eu")
        #expect(reasons["slow"]?.contains("later than 200 ms") == true)
        #expect(reasons["ruled"]?.isEmpty == false && reasons["ruled"] != "capable")
        #expect(decision.refusals == [.init(provider: "none", reason: "gpu L4: not on offer")])
    }

    @Test func `a cost cap becomes a deadline, or drops what it can't pay for`() {
        // $0.00009 a second: a cap of $0.0009 pays for 10 s, less 1 s for the teardown.
        var router = Router()
        let table = router.table(of: Market.groups([Self.dear]))
        let decision = router.rank(RoutingRequest(Constraints(maxCost: "$0.0009")), among: table, at: Market.start).decision
        #expect(decision.ranking.first?.costDeadline == .seconds(9))
        #expect(router.order([Self.dear], Constraints(maxCost: "$0.0001")) == [])
    }

    @Test func `a decision survives the journal`() throws {
        var router = Router()
        let table = router.table(of: Market.groups([Self.dear, Self.cheap]))
        let decision = router.rank(RoutingRequest(Constraints(maxCost: "$0.0009")), among: table, at: Market.start).decision
        #expect(Decision(json: try JSONValue(parsing: decision.json.encodedBytes)) == decision)
    }

    @Test func `what was measured counts more than what was promised`() {
        var router = Router()
        let table = router.table(
            of: Market.groups([Market.offer("liar", latency: .milliseconds(50)), Market.offer("honest", latency: .milliseconds(300))]))
        var now = Market.start
        router.learn(20, startsOf: 0, of: table, after: .seconds(2), from: &now)
        router.learn(20, startsOf: 1, of: table, after: .milliseconds(300), from: &now)
        let ranking = router.rank(RoutingRequest(Constraints(objective: .fastest)), among: table, at: now)
        #expect(ranking.entries.first?.offer == 1)
    }

    @Test func `a bad hour is noticed within tens of starts, and its end as well`() {
        var router = Router()
        let table = router.table(of: Market.groups([Market.offer("a"), Market.offer("b", latency: .milliseconds(400))]))
        var now = Market.start
        router.learn(500, startsOf: 0, of: table, after: .milliseconds(100), from: &now)
        router.learn(50, startsOf: 1, of: table, after: .milliseconds(400), from: &now)
        let request = RoutingRequest(Constraints(objective: .fastest))
        #expect(router.rank(request, among: table, at: now).entries.first?.offer == 0)
        router.learn(25, startsOf: 0, of: table, after: .seconds(3), from: &now)
        #expect(router.rank(request, among: table, at: now).entries.first?.offer == 1)
        router.learn(40, startsOf: 0, of: table, after: .milliseconds(100), from: &now)
        #expect(router.rank(request, among: table, at: now).entries.first?.offer == 0)
    }

    @Test func `what comes late counts by when it began`() {
        // Of a burst, the slowest are heard of last. That must not make the place look as if it had just become slow.
        var (late, early) = (Router(), Router())
        let offers = Market.groups([Market.offer("a"), Market.offer("b", latency: .milliseconds(450))])
        let latencies = (1...100).map { Duration.milliseconds(100 + ($0 > 90 ? 2000 : 0)) }
        func losses(_ router: inout Router, _ order: [Duration]) -> Int64 {
            let table = router.table(of: offers)
            for _ in order { router.began(0, of: table, at: Market.start) }
            for latency in order {
                router.record(
                    Observation(offer: 0, workload: .unknown, .started(after: latency)), among: table, at: Market.start + .seconds(3))
            }
            let ranking = router.rank(RoutingRequest(Constraints(objective: .fastest)), among: table, at: Market.start + .seconds(3))
            return ranking.entries.first { $0.offer == 0 }?.score ?? 0
        }
        let (slowLast, slowFirst) = (losses(&late, latencies), losses(&early, latencies.reversed()))
        #expect(abs(slowLast - slowFirst) * 10 < slowFirst)
    }

    @Test func `what was learned outlives the process`() throws {
        var router = Router()
        let offers = Market.groups([Market.offer("a", latency: .milliseconds(100)), Market.offer("b", latency: .milliseconds(300))])
        let table = router.table(of: offers)
        var now = Market.start
        router.learn(30, startsOf: 0, of: table, after: .seconds(2), from: &now)
        router.learn(30, startsOf: 1, of: table, after: .milliseconds(200), from: &now)
        for _ in 0..<3 { router.began(0, of: table, at: now) }
        for _ in 0..<2 {
            router.record(Observation(offer: 0, workload: .unknown, .started(after: .seconds(2))), among: table, at: now + .seconds(2))
        }
        router.record(
            Observation(offer: 0, workload: .unknown, .failed(.quotaExceeded, after: .seconds(2))), among: table, at: now + .seconds(2))
        var restored = try #require(Router(restoring: router.snapshot(), at: now))
        let again = restored.table(of: offers)
        let request = RoutingRequest(Constraints(objective: .fastest))
        #expect(restored.rank(request, among: again, at: now).entries.map(\.offer) == [1, 0])
        #expect(restored.limits.isEmpty == false && restored.limits[0].limit == 2)
        #expect(Router(restoring: Array("{}".utf8)) == nil)
        #expect(Router(restoring: [0xFF, 0x00]) == nil)
    }

    @Test func `an open breaker takes a place out, until it is the last`() {
        var router = Router()
        let table = router.table(of: Market.groups([Self.cheap, Self.dear]))
        var now = Market.start
        func fail(_ offer: Int) {
            for _ in 0..<5 {
                router.began(offer, of: table, at: now)
                now = now + .milliseconds(100)
                router.record(
                    Observation(offer: offer, workload: .unknown, .failed(.unavailable, after: .milliseconds(100))), among: table, at: now)
            }
        }
        let request = RoutingRequest(Constraints(objective: .cheapest))
        fail(0)
        let ranking = router.rank(request, among: table, at: now)
        #expect(ranking.entries.map(\.offer) == [1])
        #expect(ranking.decision.candidates.last?.reason.hasPrefix("rests after failures") == true)
        #expect(router.takeBreakerChanges().map(\.change.to) == [.open])
        fail(1)
        #expect(router.rank(request, among: table, at: now).entries.count == 1)
    }

    @Test func `a place that fails far more than the others rests, and says so once`() {
        var router = Router()
        let table = router.table(of: Market.groups([Self.cheap, Self.dear, Market.offer("other", perVCPUSecond: 95_000_000)]))
        let request = RoutingRequest(Constraints(objective: .cheapest))
        var now = Market.start
        for round in 0..<30 {
            for offer in 0..<3 {
                router.began(offer, of: table, at: now)
                let event: Observation.Event =
                    offer == 0 && round % 3 == 0 ? .failed(.unavailable, after: .milliseconds(100)) : .started(after: .milliseconds(100))
                router.record(Observation(offer: offer, workload: .unknown, event), among: table, at: now + .milliseconds(100))
            }
            now = now + .seconds(1)
        }
        let ranking = router.rank(request, among: table, at: now)
        #expect(ranking.entries.map(\.offer) == [1, 2])
        #expect(ranking.drops[0] == .ejected)
        let ejections = router.takeEjections()
        #expect(ejections.map(\.provider) == ["cheap"] && ejections.first?.cause == .failures)
        #expect(router.takeEjections().isEmpty)
    }

    @Test func `a burst waits for the first word of places that nobody knows`() {
        var router = Router()
        let table = router.table(of: Market.groups([Market.offer("a", latency: .seconds(1)), Market.offer("b", latency: .seconds(1))]))
        let request = RoutingRequest(Constraints(objective: .fastest))
        var first: [Int] = []
        for _ in 0..<2 {
            guard let entry = router.rank(request, among: table, at: Market.start).entries.first else { break }
            router.began(entry.offer, of: table, at: Market.start)
            first.append(entry.offer)
        }
        #expect(first.sorted() == [0, 1])
        let third = router.rank(request, among: table, at: Market.start)
        #expect(third.entries.isEmpty && third.isWorthWaiting)
        let later = Market.start + .milliseconds(200)
        router.record(Observation(offer: 1, workload: .unknown, .started(after: .milliseconds(200))), among: table, at: later)
        #expect(router.rank(request, among: table, at: later, again: true).entries.first?.offer == 1)
        // Nor for long, if no word comes.
        #expect(!router.rank(request, among: table, at: Market.start + .seconds(1), again: true).entries.isEmpty)
    }
}
