import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@testable import E2BAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Metrics, logs, teams, volumes and secrets in E2B's dialect") struct KeepingTests {
    @Test func `metrics are there at once, of one sandbox and of many`() async throws {
        let provider = ScriptedProvider()
        provider.behave { behaviour in
            behaviour.usage.cpuTime = .milliseconds(10)
            behaviour.usage.memory = 1000
            behaviour.usage.disk = 2000
        }
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make()
            let metrics = try #require(try await client.ask("GET", "/sandboxes/\(id)/metrics").json.arrayValue)
            let metric = try #require(metrics.last)
            #expect(metric["cpuCount"] == 2 && metric["memUsed"] == 1000 && metric["memTotal"] == 536_870_912)
            #expect(metric["diskUsed"] == 2000 && metric["diskTotal"]?.intValue == 10 << 30 && metric["memCache"] == 0)
            #expect(metric["timestampUnix"]?.intValue != nil && metric["cpuUsedPct"]?.doubleValue.map { (0...100).contains($0) } == true)
            let many = try await client.ask("GET", "/sandboxes/metrics?sandbox_ids=\(id),nosuch").json
            #expect(many["sandboxes"]?[id]?["memUsed"] == 1000 && many["sandboxes"]?["nosuch"] == nil)
            #expect(try await client.ask("GET", "/sandboxes/\(id)/metrics?start=1&end=2").json == [])
            #expect(try await client.ask("GET", "/sandboxes/\(id)/metrics?start=2&end=1").status == 400)
            #expect(try await client.ask("GET", "/sandboxes/metrics").status == 400)
            let ids = (0..<101).map { "a\($0)" }.joined(separator: ",")
            #expect(try await client.ask("GET", "/sandboxes/metrics?sandbox_ids=\(ids)").status == 400)
        }
    }

    @Test func `logs tell of a sandbox's life, also after it`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make()
            func messages(_ query: String = "") async throws -> [String] {
                let logs = try await client.ask("GET", "/v2/sandboxes/\(id)/logs\(query)").json["logs"]?.arrayValue
                return try #require(logs).compactMap { $0["message"]?.stringValue }
            }
            #expect(try await messages() == ["Sandbox requested", "Sandbox started"])
            #expect(try await messages("?direction=backward&limit=1") == ["Sandbox started"])
            #expect(try await messages("?level=error").isEmpty)
            #expect(try await messages("?search=requested").count == 1)
            let old = try await client.ask("GET", "/sandboxes/\(id)/logs").json
            #expect(old["logs"]?.arrayValue?.count == 2 && old["logEntries"]?.arrayValue?.count == 2)
            #expect(try await client.ask("DELETE", "/sandboxes/\(id)").status == 204)
            #expect(try await messages().last == "Sandbox killed")
            #expect(try await client.ask("GET", "/v2/sandboxes/\(id)/logs?limit=1001").status == 400)
            #expect(try await client.ask("GET", "/v2/sandboxes/nosuch/logs").status == 404)
        }
    }

    @Test func `a team's metrics count its sandboxes`() async throws {
        try await TestE2B.scripted { client async throws in
            for _ in 0..<3 { _ = try await client.make() }
            let team = try #require(try await client.ask("GET", "/teams").json.arrayValue?.first)
            #expect(team["isDefault"] == true && team["apiKey"] == "")
            let id = try #require(team["teamID"]?.stringValue)
            let points = try #require(try await client.ask("GET", "/teams/\(id)/metrics").json.arrayValue)
            #expect(points.last?["concurrentSandboxes"] == 3 && points.count <= 200)
            #expect(points.first?["concurrentSandboxes"] == 0)
            #expect(try await client.ask("GET", "/teams/\(id)/metrics/max?metric=concurrent_sandboxes").json["value"]?.doubleValue == 3)
            #expect(try await client.ask("GET", "/teams/\(id)/metrics/max?metric=sandbox_start_rate").json["value"]?.doubleValue ?? 0 > 0)
            #expect(try await client.ask("GET", "/teams/\(id)/metrics/max").status == 400)
            #expect(try await client.ask("GET", "/teams/\(id)/metrics?start=0&end=99999999999").status == 400)
        }
    }

    @Test func `what was going on at any time is told as it was`() throws {
        let start = Date(timeIntervalSince1970: 1_800_000_000)
        func at(_ seconds: Double) -> Date { start.addingTimeInterval(seconds) }
        let lives = [
            SandboxLife(createdAt: at(-500), endedAt: nil), SandboxLife(createdAt: at(10), endedAt: at(20)),
            SandboxLife(createdAt: at(35), endedAt: at(70)), SandboxLife(createdAt: at(40), endedAt: nil),
        ]
        let points = TeamActivity.points(lives, from: start, to: at(120))
        #expect(points.map(\.time) == [at(30), at(60), at(90), at(120)])
        #expect(points.map(\.concurrent) == [2, 3, 3, 2])
        #expect(points.map { ($0.startRate * 30).rounded() } == [1, 2, 0, 0])
        #expect(TeamActivity.points([], from: start, to: start).count == 1)
    }

    @Test func `a history thins out, and never grows beyond its bound`() {
        let history = UsageHistory()
        var info = SandboxInfo(
            id: .generate(), run: .generate(), state: .running, spec: SandboxSpec(), createdAt: Date(timeIntervalSince1970: 0),
            leaseUntil: .distantFuture)
        info.spec.cpu = 2
        for second in 1...5000 {
            var usage = SandboxUsage()
            usage.cpuTime = .seconds(second)
            history.add(usage, of: info, at: Date(timeIntervalSince1970: Double(second)))
        }
        let samples = history.samples(of: info.id)
        #expect(samples.count <= UsageHistory.capacity && samples.count > UsageHistory.capacity / 4)
        #expect(samples.allSatisfy { $0.cpuPercent == 50 })
        #expect(samples.first.map { $0.time.timeIntervalSince1970 < 20 } == true)
        history.keep([])
        #expect(history.samples(of: info.id).isEmpty)
    }

    @Test func `volumes have names and tokens, and what they can't do is said`() async throws {
        try await TestE2B.scripted { client async throws in
            let made = try await client.ask("POST", "/volumes", ["name": "data"])
            #expect(made.status == 201)
            let volume = try made.json
            let id = try #require(volume["volumeID"]?.stringValue)
            #expect(try await client.ask("GET", "/volumes/\(id)").json == volume)
            #expect(try await client.ask("GET", "/volumes").json == [["volumeID": .string(id), "name": "data"]])
            for body in [["name": "data"], ["name": ""], ["name": "a b"], [:]] as [JSONValue] {
                #expect(try await client.ask("POST", "/volumes", body).status == 400)
            }
            let content = try await client.ask("GET", "/volumecontent/\(id)/file?path=/a")
            #expect(content.status == 501 && content.message != nil)
            #expect(try await client.ask("DELETE", "/volumes/\(id)").status == 204)
            #expect(try await client.ask("DELETE", "/volumes/\(id)").status == 404)
        }
    }

    @Test func `a secret's value is kept sealed and never comes back`() async throws {
        let test = try await TestE2B()
        let value = "opensesame-4711"
        let directory = test.gateway.directory.path
        try await test.serve { live async throws in
            let client = ControlClient(live: live)
            let made = try await client.ask("POST", "/secrets", ["name": "key", "value": .string(value), "metadata": ["a": "b"]])
            #expect(try made.status == 201 && made.json["currentVersion"] == 1)
            let id = try #require(try made.json["secretID"]?.stringValue)
            #expect(try await client.ask("POST", "/secrets", ["name": "key", "value": "x"]).status == 409)
            let changed = try await client.ask("POST", "/secrets/key", ["value": .string(value + "!")])
            #expect(try changed.status == 200 && changed.json["currentVersion"] == 2 && changed.json["metadata"] == ["a": "b"])
            let list = try await client.ask("GET", "/secrets")
            let shown = try await client.ask("GET", "/secrets/\(id)")
            for answer in [made, changed, list, shown] { #expect(!answer.text.contains(value)) }
            let record = try #require(try await live.engine.secrets.find("key", for: .local))
            #expect(try live.engine.secrets.value(of: record) == value + "!")
            // Bound to its place: what is sealed for one secret does not open for another.
            var moved = record
            moved.id = .generate()
            #expect(throws: EngineError.self) { try live.engine.secrets.value(of: moved) }
            let refused = try await client.ask("POST", "/secrets", ["name": "b", "value": [.string(value)]])
            #expect(refused.status == 400 && !refused.text.contains(value))
            for file in ["sandstorm.sqlite", "sandstorm.sqlite-wal"] {
                let bytes = (try? Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(file)"))) ?? Data()
                #expect(!String(decoding: bytes, as: UTF8.self).contains(value))
            }
            #expect(try await client.ask("DELETE", "/secrets/\(id)").status == 204)
            #expect(try await client.ask("GET", "/secrets/key").status == 404)
        }
    }
}
