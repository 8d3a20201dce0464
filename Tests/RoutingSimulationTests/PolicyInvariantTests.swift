import RoutingSimulation
import SandstormCore
import Testing

@Suite("Policies in scenarios")
struct PolicyInvariantTests {
    /// So much of each that its first changes are in it.
    private func world(_ name: String, seed: UInt64 = 0) throws -> ScenarioWorld {
        switch name {
        case "daily-pattern": return ScenarioWorld(try Packs.scenario(like: name, #""length": "12h""#), seed: seed)
        case "cold-start-storms": return ScenarioWorld(try Packs.scenario(like: name, #""length": "30m""#), seed: seed)
        default:
            // So few that it takes no time without optimisation.
            let members = #""length": "65m", "arrivals": {"perSecond": 0.3}"#
            return ScenarioWorld(try Packs.scenario(like: name, members), seed: seed)
        }
    }

    @Test(arguments: Packs.names)
    func `no run is lost or run twice, and all that is made is ended`(name: String) throws {
        final class Count { var starts = 0, ends = 0, finished = 0, gaveUp = 0 }
        let world = try world(name)
        let counts = world.requests.map { _ in Count() }
        let policy = FixedHedgePolicy(order: world.fastestAtFirst, delay: .milliseconds(300), share: 0.5)
        let tally = Simulation.run(policy, in: world) { request, sight, _ in
            switch sight {
            case .created, .failed: break
            case .started: counts[request].starts += 1
            case .killed: break
            case .finished:
                counts[request].finished += 1
                counts[request].ends += 1
            case .died: counts[request].ends += 1
            case .gaveUp: counts[request].gaveUp += 1
            }
        }
        #expect(tally.hedges > 0)
        for count in counts {
            #expect(count.finished + count.gaveUp == 1)
            #expect(count.starts == count.ends)
        }
        #expect(counts.reduce(0) { $0 + $1.finished } == tally.successes)
    }

    @Test(arguments: Packs.names.filter { $0 != "quota-exhaustion" })
    func `no policy beats the oracle on its measure`(name: String) throws {
        let seed: UInt64 = 1
        let world = try world(name, seed: seed)
        let starts = Oracle.run(in: world, objective: .fastest).starts
        let costs = Oracle.choices(in: world, objective: .cheapest).compactMap { $0?.cost.nanodollars }.sorted()
        for tally in [
            Simulation.run(RandomPolicy(seed: seed), in: world), Simulation.run(OrderedPolicy(cheapestFor: .seconds(10)), in: world),
            Simulation.run(OrderedPolicy(order: world.fastestAtFirst), in: world),
            Simulation.run(FixedHedgePolicy(order: world.fastestAtFirst, delay: .milliseconds(200), share: 1), in: world),
            Simulation.run(InformedPolicy(of: world, objective: .cheapest), in: world),
        ] {
            #expect(tally.starts.count <= starts.count)
            // The fastest of each, one by one: also where fewer started.
            #expect(zip(tally.starts, starts).allSatisfy { $0 >= $1 })
            #expect(tally.cost.nanodollars >= costs.prefix(tally.successes).reduce(0, +))
        }
    }

    @Test func `the same seed gives the same report, another one another`() throws {
        let chosen: Set<String> = ["sandstorm", "random", "latency", "cooldown", "hedge-500", "informed", "oracle"]
        let scenario = try Packs.scenario(like: "flapping", #""length": "40m", "arrivals": {"perSecond": 0.3}"#)
        let tables = [1, 1, 2].map { PackRun(ScenarioWorld(scenario, seed: $0), only: chosen, seed: $0).table }
        #expect(tables[0] == tables[1])
        #expect(tables[0] != tables[2])
    }

    @Test func `scenarios made up by chance are run to their end, and the same each time`() throws {
        let base = try Packs.scenario(like: "stationary")
        for seed in 1...6 as ClosedRange<UInt64> {
            var scenario = base.varied(seed: seed)
            scenario.arrivals.perSecond = 0.05
            scenario.arrivals.bursts = []
            let tables = (0..<2).map { _ in PackRun(ScenarioWorld(scenario), only: ["sandstorm", "random"]).table }
            #expect(tables[0] == tables[1])
        }
    }

    @Test func `a limit binds the oracle too`() throws {
        let requests = (0..<2).map { SimulatedRequest(id: $0, arrival: .seconds(1), duration: .seconds(10)) }
        let draws: [[Draw]] = [[.start(after: .seconds(1))], [.start(after: .seconds(2))]]
        let free = Oracle.choices(in: TestWorld(draws, requests: requests), objective: .fastest)
        #expect(free.map { $0?.offer } == [0, 0])
        let bound = Oracle.choices(in: TestWorld(draws, requests: requests, limits: [0: Limit(concurrent: 1)]), objective: .fastest)
        #expect(bound.map { $0?.offer } == [0, 1])
    }

    @Test func `the oracle reckons with the failures before a further try`() throws {
        let request = [SimulatedRequest(id: 0, arrival: .seconds(1), duration: .seconds(10))]
        let draws: [[Draw]] = [
            [.failure(.unavailable, after: .seconds(1)), .start(after: .milliseconds(100))], [.start(after: .seconds(3))],
        ]
        let choice = Oracle.choices(in: TestWorld(draws, requests: request), objective: .fastest)[0]
        #expect(choice?.offer == 0)
        #expect(choice?.start == .milliseconds(1100))
    }
}
