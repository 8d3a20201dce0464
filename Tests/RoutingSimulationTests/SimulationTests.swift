import RoutingSimulation
import SandstormCore
import SandstormRouting
import Testing

@Suite("The simulated dispatcher")
struct SimulationTests {
    private typealias Sight = Simulation<TestWorld, ScriptedPolicy>.Sight

    private func run(_ policy: ScriptedPolicy, in world: TestWorld) -> (tally: Tally, seen: [Sight], heard: [String]) {
        final class Seen { var sights: [Sight] = [] }
        let seen = Seen()
        let tally = Simulation.run(policy, in: world) { _, sight, _ in seen.sights.append(sight) }
        return (tally, seen.sights, policy.heard.events)
    }

    private let one = [SimulatedRequest(id: 0, arrival: .seconds(100), duration: .seconds(10))]

    @Test func `a late first is overtaken by the second, killed and paid for`() {
        let world = TestWorld([[.start(after: .seconds(5))], [.start(after: .seconds(1))]], requests: one)
        let (tally, seen, heard) = run(ScriptedPolicy(first: 0, hedgeDelay: .milliseconds(500), hedges: [.start(1, then: nil)]), in: world)
        // Offer 0 lived for 1.5 s and a kill of 0.1 s at 1 µ$/s; offer 1 for 1 s and 10 s and a kill at 2 µ$/s.
        let loser = Money(nanodollars: 1600)
        #expect(tally.costOfLosers == loser)
        #expect(tally.cost == loser + Money(nanodollars: 22_200))
        #expect(tally.start(atQuantile: 1) == .milliseconds(1500))
        #expect(tally.hedges == 1 && tally.creates == 2 && tally.failovers == 0 && tally.successes == 1)
        let expected: [Sight] = [
            .created(offer: 0), .created(offer: 1), .started(offer: 1), .killed(offer: 0, paid: loser), .finished(offer: 1),
        ]
        #expect(seen == expected)
        #expect(heard == ["1 started", "0 abandoned", "1 finished"])
    }

    @Test func `a second is not made once something has started`() {
        let world = TestWorld([[.start(after: .milliseconds(400))], [.start(after: .seconds(1))]], requests: one)
        let (tally, _, _) = run(ScriptedPolicy(first: 0, hedgeDelay: .milliseconds(500), hedges: [.start(1, then: nil)]), in: world)
        #expect(tally.creates == 1 && tally.hedges == 0)
    }

    @Test func `a further second is made when the policy says so, and all losers are killed`() {
        let late = Draw.start(after: .seconds(9))
        let world = TestWorld([[late], [late], [.start(after: .seconds(1))]], requests: one)
        let policy = ScriptedPolicy(
            first: 0, hedgeDelay: .milliseconds(500), hedges: [.start(1, then: .seconds(2)), .start(2, then: nil)])
        let (tally, seen, heard) = run(policy, in: world)
        #expect(tally.hedges == 2 && tally.start(atQuantile: 1) == .milliseconds(3500))
        #expect(policy.heard.hedges == [.milliseconds(500), .milliseconds(2500)])
        #expect(seen.count { if case .killed = $0 { true } else { false } } == 2)
        #expect(heard == ["2 started", "0 abandoned", "1 abandoned", "2 finished"])
    }

    @Test func `a loser that would have failed costs nothing`() {
        let world = TestWorld([[.failure(.timedOut, after: .seconds(30))], [.start(after: .seconds(1))]], requests: one)
        let (tally, _, heard) = run(ScriptedPolicy(first: 0, hedgeDelay: .milliseconds(500), hedges: [.start(1, then: nil)]), in: world)
        #expect(tally.costOfLosers == .zero && tally.successes == 1)
        #expect(heard == ["1 started", "0 abandoned", "1 finished"])
    }

    @Test func `failures are followed until none is left`() {
        let world = TestWorld(
            [[.failure(.quotaExceeded, after: .milliseconds(300))], [.failure(.unavailable, after: .seconds(1))]], requests: one)
        let (tally, seen, _) = run(ScriptedPolicy(first: 0, rest: [1]), in: world)
        #expect(tally.successes == 0 && tally.failovers == 1 && tally.lateStarts == 1 && tally.cost == .zero)
        #expect(
            seen == [
                .created(offer: 0), .failed(offer: 0, .quotaExceeded), .created(offer: 1), .failed(offer: 1, .unavailable), .gaveUp,
            ])
    }

    @Test func `while one is still coming, a failure of the other is no end`() {
        let world = TestWorld([[.start(after: .seconds(3))], [.failure(.noCapacity, after: .milliseconds(100))]], requests: one)
        let (tally, _, _) = run(ScriptedPolicy(first: 0, hedgeDelay: .seconds(1), hedges: [.start(1, then: nil)], rest: [1, 1]), in: world)
        #expect(tally.successes == 1 && tally.failovers == 0 && tally.creates == 2)
        #expect(tally.start(atQuantile: 1) == .seconds(3))
    }

    @Test func `patience ends a request and kills what was coming`() {
        let world = TestWorld([[.start(after: .seconds(20))]], requests: one, patience: .seconds(5))
        let (tally, seen, heard) = run(ScriptedPolicy(first: 0), in: world)
        #expect(tally.successes == 0 && tally.costOfLosers == Money(nanodollars: 5100))
        #expect(seen == [.created(offer: 0), .gaveUp, .killed(offer: 0, paid: Money(nanodollars: 5100))])
        #expect(heard == ["0 abandoned"])
    }

    @Test func `code runs again elsewhere only if it may`() {
        let draws: [[Draw]] = [[.start(after: .seconds(1), diesAfter: .seconds(2))], [.start(after: .seconds(1))]]
        let lost = run(ScriptedPolicy(first: 0, rest: [1]), in: TestWorld(draws, requests: one))
        #expect(lost.tally.successes == 0 && lost.tally.creates == 1 && lost.tally.costOfDeaths == Money(nanodollars: 3100))
        let again = [SimulatedRequest(id: 0, arrival: .seconds(100), duration: .seconds(10), isIdempotent: true)]
        let saved = run(ScriptedPolicy(first: 0, rest: [1]), in: TestWorld(draws, requests: again))
        #expect(saved.tally.successes == 1 && saved.tally.creates == 2)
        #expect(saved.seen.suffix(3) == [.created(offer: 1), .started(offer: 1), .finished(offer: 1)])
        #expect(saved.tally.start(atQuantile: 1) == .seconds(1))
    }

    @Test func `a full place refuses until a sandbox is gone`() {
        let requests = [0, 1, 30].enumerated().map { SimulatedRequest(id: $0, arrival: .seconds(Double(100 + $1)), duration: .seconds(10)) }
        let world = TestWorld(
            [[.start(after: .seconds(1))], [.start(after: .seconds(2))]], requests: requests, limits: [0: Limit(concurrent: 1)])
        let (tally, _, heard) = run(ScriptedPolicy(first: 0, rest: [1]), in: world)
        #expect(tally.successes == 3 && tally.failovers == 1)
        #expect(heard.filter { $0 == "0 failed quotaExceeded" }.count == 1)
    }

    @Test func `a place that rations creates says when it takes more`() {
        let requests = (0..<3).map { SimulatedRequest(id: $0, arrival: .seconds(100), duration: .seconds(1)) }
        let world = TestWorld(
            [[.start(after: .seconds(1))], [.start(after: .seconds(1))]], requests: requests, limits: [0: Limit(perSecond: 1, burst: 2)])
        let (_, _, heard) = run(ScriptedPolicy(first: 0, rest: [1]), in: world)
        #expect(heard.filter { $0 == "0 failed rateLimited" }.count == 1)
    }

    @Test func `a chained request waits for the one before it to start`() {
        let requests = (0..<3).map { SimulatedRequest(id: $0, arrival: .seconds(100), isChained: $0 > 0, duration: .seconds(10)) }
        let world = TestWorld([[.start(after: .seconds(4))]], requests: requests, limits: [0: Limit(concurrent: 2)])
        let (tally, _, _) = run(ScriptedPolicy(first: 0), in: world)
        // Starts at 104 and 108; at 108 the two are still running, so the third is refused.
        #expect(tally.successes == 2)
    }
}
