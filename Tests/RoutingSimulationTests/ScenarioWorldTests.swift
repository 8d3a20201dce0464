import RoutingSimulation
import SandstormCore
import SandstormRouting
import Testing

@Suite("Scenarios as worlds")
struct ScenarioWorldTests {
    private func world(_ members: String) throws -> ScenarioWorld {
        let text = """
            {"start": "1970-01-01 00:00:00", "length": "1h", "offers": [{"id": "a/list", "start": "100ms",
             "price": {"perVcpuSecond": "0.00001"}}], \(members)}
            """
        return ScenarioWorld(try Scenario(json: text, file: "s.json") { _ in "" })
    }

    @Test func `changes come, come again, and go`() throws {
        let world = try world(#""changes": [{"from": "10m", "until": "11m", "every": "20m", "startFactor": 3}]"#)
        func start(_ minute: Double) -> Microseconds { world.draw(world.requests[0], on: 0, try: 0, at: .minutes(minute)).after }
        #expect([9.9, 10, 10.9, 11, 30.5, 31, 50.5].map(start) == [100, 300, 300, 100, 300, 100, 300].map { $0 * 1000 })
    }

    @Test func `a drift goes in steps to its end`() throws {
        let world = try world(#""changes": [{"from": "0m", "until": "48m", "startFactor": 1, "startFactorAtEnd": 3}]"#)
        let starts = (0..<24).map { world.draw(world.requests[0], on: 0, try: 0, at: .minutes(Double($0) * 2)).after }
        #expect(starts[0] == 100_000 && starts[12] == 200_000)
        #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 < $1 })
        #expect(world.draw(world.requests[0], on: 0, try: 0, at: .minutes(50)).after == 100_000)
    }

    @Test func `a change of price is a change of the market, exactly`() throws {
        let world = try world(#""changes": [{"from": "10m", "until": "20m", "priceFactor": 1.5}, {"from": "30m", "onSale": false}]"#)
        #expect(world.markets.map(\.since) == [0, 10, 20, 30].map { .minutes($0) })
        #expect(world.markets.map { $0.offers.first?.offer.price.perVCPUSecond.picodollars } == [10_000_000, 15_000_000, 10_000_000, nil])
    }

    @Test func `requests come at the rate of their time`() throws {
        let world = try world(
            #""arrivals": {"perSecond": 1, "phases": [{"from": "30m", "perSecond": 4}], "bursts": [{"from": "5m", "count": 50}]}"#)
        let early = world.requests.count { $0.arrival < .minutes(30) }
        let late = world.requests.count - early
        #expect((1700...2000).contains(early))
        #expect((6800...7600).contains(late))
        #expect(world.requests.count { $0.arrival == .minutes(5) } == 50)
        #expect(zip(world.requests, world.requests.dropFirst()).allSatisfy { $0.arrival <= $1.arrival })
    }

    @Test func `luck depends on request, offer and try alone`() throws {
        let text = """
            {"offers": [{"id": "a/list", "start": {"lognormal": {"median": "1s", "sigma": 0.5}}},
                        {"id": "b/list", "start": {"lognormal": {"median": "1s", "sigma": 0.5}}}]}
            """
        let world = ScenarioWorld(try Scenario(json: text, file: "s.json") { _ in "" })
        let request = world.requests[3]
        func draw(_ offer: Int, _ number: Int, at instant: Microseconds = request.arrival) -> Microseconds {
            world.draw(request, on: offer, try: number, at: instant).after
        }
        #expect(draw(0, 0) == draw(0, 0, at: request.arrival + .minutes(5)))
        #expect(Set([draw(0, 0), draw(0, 1), draw(1, 0), draw(1, 1)]).count == 4)
        let all = world.requests.prefix(5000).map { world.draw($0, on: 0, try: 0, at: 0).after }.sorted()
        #expect((950_000...1_050_000).contains(all[2500]))
    }
}
