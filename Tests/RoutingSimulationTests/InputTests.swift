import RoutingSimulation
import SandstormCore
import Testing

@Suite("What is read from files")
struct InputTests {
    private let header = "date,mode,provider,iteration,tti_ms,error\n"

    @Test func `records are read by day and mode`() throws {
        let csv = header + "2026-03-08,burst,e2b,0,351.2,\n2026-03-07,burst,e2b,0,,quota\n2026-03-08,burst,daytona,1,90,\n"
        let records = try StartRecords(csv: csv, file: "t.csv")
        #expect(records.providers == ["daytona", "e2b"])
        let days = try #require(records.days[.burst])
        #expect(days.map(\.date) == ["2026-03-07", "2026-03-08"])
        #expect(days[1].iterations == 2)
        #expect(days[1].rows[1].first?.start == 351_200)
        #expect(days[0].rows[1].first?.error == .quota)
        #expect(records.days[.sequential] == nil)
    }

    @Test(arguments: [
        ("2026-03-08,burst,e2b,0,fast,\n", "t.csv, line 2, field tti_ms: \"fast\" is not a number that is zero or more"),
        ("2026-03-08,burst,e2b,x,1,\n", "t.csv, line 2, field iteration: \"x\" is not a number that is zero or more"),
        (
            "2026-03-08,burst,e2b,0,1,\n2026-13-08,burst,e2b,0,1,\n",
            "t.csv, line 3, field date: \"2026-13-08\" is not a date such as 2026-02-21"
        ),
        ("2026-03-08,slow,e2b,0,1,\n", "t.csv, line 2, field mode: \"slow\" is none of sequential, staggered and burst"),
        ("2026-03-08,burst,e2b,0\n", "t.csv, line 2, field error: is missing"),
    ])
    func `a wrong row is named by line and field`(row: String, complaint: String) {
        #expect(throws: InputError(complaint)) { try StartRecords(csv: header + row, file: "t.csv") }
    }

    @Test func `a missing column is named`() {
        let complaint = "t.csv, line 1, field error: there is no such column; there are date, mode, provider, iteration, tti_ms"
        #expect(throws: InputError(complaint)) { try StartRecords(csv: "date,mode,provider,iteration,tti_ms\n", file: "t.csv") }
    }

    @Test func `arrivals come in both forms`() throws {
        let azure = try ArrivalTrace(
            csv: "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:04.5,4808,10\n2023-11-16 18:17:03.9799600,100,8\n",
            file: "a.csv")
        #expect(azure.arrivals.map(\.offset) == [0, 520_040])
        #expect(azure.arrivals.map(\.workload) == ["short context", "long context"])
        #expect(azure.arrivals[1].duration == .milliseconds(200))
        let own = try ArrivalTrace(csv: "timestamp,class,duration\n5,tests,2.5\n3.5,,\n", file: "b.csv")
        #expect(own.arrivals.map(\.offset) == [0, 1_500_000])
        #expect(own.arrivals[1].workload == "tests" && own.arrivals[1].duration == 2_500_000 && own.arrivals[0].duration == nil)
        #expect(throws: InputError("b.csv, line 2, field duration: \"-1\" is not a number that is zero or more")) {
            try ArrivalTrace(csv: "timestamp,class,duration\n5,tests,-1\n", file: "b.csv")
        }
    }

    @Test func `times of error classes can be set, and wrong ones are refused`() {
        #expect(throws: Never.self) { try ErrorModel(overriding: "timeout=60000,quota=150") }
        #expect(throws: InputError.self) { try ErrorModel(overriding: "lateness=1") }
    }

    @Test(arguments: Packs.names) func `a shipped scenario is read and brings requests`(name: String) throws {
        let world = ScenarioWorld(try Packs.scenario(like: name))
        #expect(world.offerCount >= 8)
        #expect((15_000...30_000).contains(world.requests.count))
    }

    @Test func `all wrong fields of a scenario are named`() throws {
        let text = """
            {"offers": [{"id": "a/list", "price": {"perVcpuSecond": 1}, "start": {"lognormal": {"median": "fast"}}, "frobs": 1}],
             "changes": [{"offers": ["b/list"], "from": "2h", "until": "1h"}]}
            """
        let error = #expect(throws: InputError.self) { try Scenario(json: text, file: "s.json") { _ in "" } }
        let complaint = try #require(error).description
        for field in [
            "/offers/0/price/perVcpuSecond", "/offers/0/start/lognormal/median", "/offers/0/frobs", "/changes/0/until", "/changes/0/offers",
        ] {
            #expect(complaint.contains("s.json: \(field): "), "\(field) in \(complaint)")
        }
    }

    @Test func `what is no JSON is named by its line`() {
        #expect(throws: InputError("s.json, line 2: unexpected character")) {
            try Scenario(json: "{\n\"name\": }", file: "s.json") { _ in "" }
        }
    }
}
