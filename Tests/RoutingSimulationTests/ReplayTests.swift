import RoutingSimulation
import SandstormCore
import Testing

@Suite("The replay of measured starts")
struct ReplayTests {
    private static let csv =
        "date,mode,provider,iteration,tti_ms,error\n"
        + [
            "2026-03-07,sequential,slow,0,1000,", "2026-03-07,sequential,slow,1,1100,", "2026-03-07,sequential,fast,0,100,",
            "2026-03-07,sequential,fast,1,,quota", "2026-03-08,sequential,slow,0,2000,", "2026-03-08,sequential,slow,1,2100,",
            "2026-03-07,burst,slow,0,700,", "2026-03-07,burst,slow,1,800,",
        ].joined(separator: "\n")

    @Test func `a first try gets its own row, a further one another`() throws {
        let world = ReplayWorld(try StartRecords(csv: ReplayTests.csv, file: "t.csv"), mode: .sequential)
        #expect(world.requests.count == 4)
        func draw(_ request: Int, _ offer: Int, _ number: Int) -> Draw {
            world.draw(world.requests[request], on: offer, try: number, at: world.requests[request].arrival)
        }
        #expect(draw(0, 1, 0).after == 1_000_000 && draw(1, 1, 0).after == 1_100_000)
        #expect(draw(0, 1, 1).after == 1_100_000 && draw(3, 1, 1).after == 2_000_000)
        #expect(draw(1, 0, 0).failure == .quotaExceeded)
    }

    @Test func `what was not measured on a day is not on offer`() throws {
        let world = ReplayWorld(try StartRecords(csv: ReplayTests.csv, file: "t.csv"), mode: .sequential)
        #expect(world.markets.map { $0.offers.map(\.index) } == [[0, 1], [1]])
        #expect(world.fastestByHindsight == [1, 0] || world.fastestByHindsight == [0, 1])
    }

    @Test func `each mode is reported by itself as a line of JSON`() throws {
        var lines: [String] = []
        Replay.run(try StartRecords(csv: ReplayTests.csv, file: "t.csv"), only: ["oracle", "priority", "static-cheapest"]) {
            lines.append($0.json)
        }
        #expect(lines.count == 6)
        // The second request is refused by the fast one, which then has another row for it.
        #expect(
            lines[2]
                == #"{"policy":"oracle","mode":"sequential","success":1,"p50":400,"p99":2100,"p999":2100,"extraCreates":0,"cost":1,"failoverCreates":0,"requests":4}"#
        )
        for line in lines { #expect(try JSONValue(parsing: line)["policy"] != nil) }
    }

    @Test func `a trace's requests are spread over all days in order`() throws {
        let trace = try ArrivalTrace(csv: "timestamp\n" + (0..<8).map { "\($0)" }.joined(separator: "\n"), file: "a.csv")
        let world = ReplayWorld(try StartRecords(csv: ReplayTests.csv, file: "t.csv"), mode: .sequential, arrivals: trace)
        let gaps = zip(world.requests, world.requests.dropFirst()).map { ($1.arrival - $0.arrival) / 1_000_000 }
        #expect(gaps == [1, 1, 1, 86_397, 1, 1, 1])
        let starts = world.requests.map { world.draw($0, on: 1, try: 0, at: $0.arrival).after / 1000 }
        #expect(starts == [1000, 1000, 1100, 1100, 2000, 2000, 2100, 2100])
    }
}
