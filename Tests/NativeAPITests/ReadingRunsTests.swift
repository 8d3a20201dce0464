import HTTPTypes
import HummingbirdTesting
import NIOCore
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Reading runs") struct ReadingRunsTests {
    @Test func `pages are newest first and lead to each other`() async throws {
        try await TestAPI().test { client in
            var ids: [String] = []
            for _ in 0..<5 { ids.append(try await client.settledRun().rawValue) }
            var seen: [String] = []
            var path = "/v1/runs?limit=2"
            var pages = 0
            while true {
                let json = try await client.send(.get, path).json
                let runs = try #require(json["runs"]?.arrayValue)
                seen += runs.compactMap { $0["id"]?.stringValue }
                #expect(runs.allSatisfy { $0["stdout"] == nil })
                pages += 1
                guard let next = json["next"]?.stringValue else { break }
                path = "/v1/runs?limit=2&before=\(next)"
            }
            #expect(pages == 3)
            #expect(Set(seen) == Set(ids))
            #expect(seen == seen.sorted(by: >))
            // A last page that is full leads nowhere.
            #expect(try await client.send(.get, "/v1/runs?limit=5").json["next"] == nil)
        }
    }

    @Test func `a list can be of some states only`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            _ = try await client.settledRun()
            provider.behave { $0.script = [.die] }
            _ = try await client.settledRun()
            func count(_ query: String) async throws -> Int? {
                try await client.send(.get, "/v1/runs?\(query)").json["runs"]?.arrayValue?.count
            }
            #expect(try await count("state=finished") == 1)
            #expect(try await count("state=finished,failed") == 2)
            #expect(try await count("state=finished&state=failed") == 2)
            #expect(try await count("state=cancelled") == 0)
        }
    }

    @Test func `cancelling ends a run, and again changes nothing`() async throws {
        let provider = ScriptedProvider(script: [.output("x"), .sleep(.seconds(3600)), .exit(0)])
        try await TestAPI([provider]).test { client in
            let id = try #require(try await client.send(.post, "/v1/runs", detachedRun).json["id"]?.stringValue)
            #expect(await eventually { provider.livingCount == 1 })
            let first = try await client.send(.delete, "/v1/runs/\(id)")
            #expect(first.status == .ok)
            #expect(try first.json["state"]?.stringValue == "cancelled")
            #expect(try first.json["settled"]?.boolValue == true)
            #expect(provider.livingCount == 0)
            let second = try await client.send(.delete, "/v1/runs/\(id)")
            #expect(second.status == .ok)
            #expect(try second.json["state"]?.stringValue == "cancelled")
        }
    }

    @Test func `cancelling what has finished leaves it finished`() async throws {
        try await TestAPI().test { client in
            let id = try await client.settledRun()
            #expect(try await client.send(.delete, "/v1/runs/\(id)").json["state"]?.stringValue == "finished")
        }
    }

    @Test func `providers are told with their state`() async throws {
        try await TestAPI([ScriptedProvider(id: "one"), ScriptedProvider(id: "two")]).test { client in
            let providers = try #require(try await client.send(.get, "/v1/providers").json["providers"]?.arrayValue)
            #expect(providers.compactMap { $0["id"]?.stringValue } == ["one", "two"])
            #expect(providers.allSatisfy { $0["healthy"]?.boolValue == true })
        }
    }
}

@Suite("Logs") struct LogTests {
    private static let script: [ScriptedProvider.Step] = [.output("a\n"), .errorOutput("b\n"), .bytes([0xFF]), .output("c\n"), .exit(0)]

    @Test func `logs are the output as it came, or one stream of it`() async throws {
        try await TestAPI([ScriptedProvider(script: LogTests.script)]).test { client in
            let id = try await client.settledRun()
            for query in ["", "?follow=true", "?follow=false"] {
                let response = try await client.send(.get, "/v1/runs/\(id)/logs\(query)")
                #expect(response.headers[.contentType] == "text/plain; charset=utf-8")
                let bytes = Array(response.body.readableBytesView)
                // Two streams may be joined in either order only where they were written together.
                #expect(bytes == Array("a\nb\n".utf8) + [0xFF] + Array("c\n".utf8), "\(query)")
            }
            #expect(
                Array(try await client.send(.get, "/v1/runs/\(id)/logs?stream=stdout").body.readableBytesView) == [
                    0x61, 0x0A, 0xFF, 0x63, 0x0A,
                ])
            #expect(try await client.send(.get, "/v1/runs/\(id)/logs?stream=stderr").text == "b\n")
        }
    }

    @Test func `logs are lines of JSON for who asks for them`() async throws {
        try await TestAPI([ScriptedProvider(script: LogTests.script)]).test { client in
            let id = try await client.settledRun()
            let response = try await client.send(.get, "/v1/runs/\(id)/logs", headers: [.accept: "application/x-ndjson"])
            #expect(response.headers[.contentType] == "application/x-ndjson")
            let lines = try response.text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
            #expect(lines.compactMap { $0["event"]?.stringValue } == ["stdout", "stderr", "stdout", "stdout"])
            #expect(lines.compactMap { $0["sequence"]?.intValue } == [4, 5, 6, 7])
            #expect(lines[0]["data"]?.stringValue == "a\n")
            #expect(lines[2]["dataBase64"]?.stringValue == "/w==")
            #expect(lines.allSatisfy { $0["time"]?.stringValue != nil })
        }
    }

    @Test("wrong parameters", arguments: ["stream=out", "stream=", "follow=perhaps", "tail=3"])
    func badQuery(query: String) async throws {
        try await TestAPI().test { client in
            let id = try await client.settledRun()
            #expect(try await client.send(.get, "/v1/runs/\(id)/logs?\(query)").problem() == "invalid-parameter")
        }
    }

    @Test func `following goes on until the run ends`() async throws {
        let provider = ScriptedProvider(script: [.output("first\n"), .sleep(.milliseconds(300)), .output("last\n"), .exit(0)])
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let handle = try await api.gateway.engine.submit(.scripted(detached: true), by: .local)
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /v1/runs/\(handle.id)/logs?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(await !connection.read(until: "first").contains("last"))
                #expect(await connection.read(until: "0\r\n\r\n").contains("last\n"))
            }
        }
    }

    @Test func `without following it ends with what there is`() async throws {
        let provider = ScriptedProvider(script: [.output("first\n"), .sleep(.seconds(3600)), .exit(0)])
        try await TestAPI([provider]).test { client in
            let id = try #require(try await client.send(.post, "/v1/runs", detachedRun).json["id"]?.stringValue)
            #expect(try await eventually { try await client.send(.get, "/v1/runs/\(id)/logs").text == "first\n" })
        }
    }
}

@Suite("Probes and numbers") struct ProbeTests {
    @Test func `a serving gateway is alive and ready`() async throws {
        try await TestAPI().test { client in
            let health = try await client.send(.get, "/healthz")
            #expect(health.status == .ok)
            #expect(health.text == #"{"status":"ok"}"#)
            let readiness = try await client.send(.get, "/readyz")
            #expect(readiness.status == .ok)
            #expect(try readiness.json["status"]?.stringValue == "ready")
        }
    }

    @Test func `requests are counted by route, method and class of status`() async throws {
        try await TestAPI().test { client in
            let id = try await client.settledRun()
            for path in ["/v1/runs/\(id)", "/v1/runs/\(id)", "/v1/runs/x", "/v1/runs/\(id)/events", "/wp-login.php", "/.env"] {
                _ = try await client.send(.get, path)
            }
            _ = try await client.execute(uri: "/healthz", method: try #require(.init("BREW")))
            let response = try await client.send(.get, "/metrics")
            #expect(response.headers[.contentType]?.hasPrefix("text/plain; version=0.0.4") == true)
            let text = response.text
            for line in [
                #"sandstorm_http_requests_total{route="/v1/runs",method="POST",status="2xx"} 1"#,
                #"sandstorm_http_requests_total{route="/v1/runs/{id}",method="GET",status="2xx"} 2"#,
                #"sandstorm_http_requests_total{route="/v1/runs/{id}",method="GET",status="4xx"} 1"#,
                #"sandstorm_http_requests_total{route="/v1/runs/{id}/events",method="GET",status="2xx"} 1"#,
                #"sandstorm_http_requests_total{route="other",method="GET",status="4xx"} 2"#,
                #"sandstorm_http_requests_total{route="/healthz",method="other",status="4xx"} 1"#,
                #"sandstorm_http_request_duration_seconds_bucket{route="/v1/runs",method="POST",status="2xx",le="+Inf"} 1"#,
                #"sandstorm_http_request_duration_seconds_count{route="/v1/runs",method="POST",status="2xx"} 1"#,
                // The one that asks.
                "sandstorm_http_active_requests 1", #"sandstorm_runs_settled_total{state="finished"} 1"#,
            ] {
                #expect(text.split(separator: "\n").contains { $0 == line }, "\(line)")
            }
            #expect(!text.contains(id.rawValue))
        }
    }
}
