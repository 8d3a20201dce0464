import NIOCore
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore
import SandstormTestSupport
import ServiceLifecycle
import Testing

@Suite("The server") struct ServerTests {
    @Test(
        "what is not HTTP gets a problem all the same",
        arguments: [
            ("garbage\r\n\r\n", "400"), ("GET / HTTP/9.9\r\n\r\n", "400"), ("GET /healthz HTTP/1.1\r\nBad Header: x\r\n\r\n", "400"),
            ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", "400"), ("\u{16}\u{3}\u{1}\u{0}\r\n\r\n", "400"),
            ("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: \(String(repeating: "x", count: 100_000))\r\n\r\n", "431"),
        ])
    func notHTTP(text: String, status: String) async throws {
        try await TestAPI().serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(text)
                let answer = await connection.readToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
                #expect(answer.contains("application/problem+json"))
            }
        }
    }

    @Test func `a client that waits for leave to send its body gets it`() async throws {
        try await TestAPI().serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: \(minimalRun.utf8.count)\r\n\r\n")
                #expect(await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue\r\n"))
                try await connection.send(minimalRun)
                #expect(await connection.read(until: "\"decision\"").contains("HTTP/1.1 200 OK"))
            }
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n")
                #expect(await connection.read(until: "retryable").hasPrefix("HTTP/1.1 413 "))
            }
        }
    }

    @Test func `an idle connection is closed`() async throws {
        var api = try await TestAPI()
        api.configuration.idleTimeout = .milliseconds(100)
        let configured = api
        try await configured.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                // Half a request is as idle as none. On a slow machine the connection may be closed before it is sent.
                try? await connection.send("POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
                _ = await connection.readToEnd()
            }
        }
    }

    @Test func `watching streams end at once when the server stops, and say why`() async throws {
        let provider = ScriptedProvider(script: [.output("on\n"), .sleep(.seconds(3600)), .exit(0)])
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let handle = try await api.gateway.engine.submit(.scripted(timeout: .seconds(3600), detached: true), by: .local)
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /v1/runs/\(handle.id)/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = await connection.read(until: "event: stdout")
                await server.group.triggerGracefulShutdown()
                let text = await connection.readToEnd()
                #expect(text.contains("event: problem\ndata: {\"type\":\"urn:sandstorm:problem:shutting-down\""))
                #expect(!text.contains("event: settled"))
            }
        }
    }

    @Test("whoever waits for a run is answered when the server stops", arguments: ["application/json", "text/event-stream"])
    func stopping(accept: String) async throws {
        let provider = ScriptedProvider(script: [.output("on\n"), .sleep(.seconds(3600)), .exit(0)])
        var api = try await TestAPI([provider])
        api.configuration.drainTime = .milliseconds(50)
        let configured = api
        try await configured.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", minimalRun, headers: "Accept: \(accept)\r\n")
                #expect(await eventually { provider.livingCount == 1 })
                await server.group.triggerGracefulShutdown()
                #expect(await connection.readToEnd().contains("urn:sandstorm:problem:shutting-down"))
            }
            #expect(await eventually { provider.livingCount == 0 })
        }
    }

    @Test func `a run that ends while the server stops is answered`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.milliseconds(300)), .output("late"), .exit(0)])
        try await TestAPI([provider]).serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", minimalRun)
                #expect(await eventually { provider.createCount == 1 })
                await server.group.triggerGracefulShutdown()
                #expect(await connection.readToEnd().contains("\"stdout\":\"late\""))
            }
        }
    }

    @Test func `listed before the engine it answers with what became of the runs`() async throws {
        let provider = ScriptedProvider(script: [.output("on\n"), .sleep(.seconds(3600)), .exit(0)])
        let gateway = try await TestGateway([provider])
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        let server = GatewayServer(.init(address: .hostname("127.0.0.1", port: 0)))
        let api = NativeAPI(engine: gateway.engine, auth: .none, server: server)
        let service = try server.service([api], logger: TestAPI.logger) { portFound.yield($1) }
        let group = ServiceGroup(
            configuration: .init(services: [.init(service: service), .init(service: gateway.engine)], logger: TestAPI.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await ports.first { _ in true } ?? nil)
            try await RawConnection.connect(to: port) { connection in
                try await connection.post("/v1/runs", minimalRun)
                #expect(await eventually { provider.livingCount == 1 })
                await group.triggerGracefulShutdown()
                #expect(await connection.readToEnd().contains("\"gatewayStopped\""))
            }
        }
        await gateway.store.close()
    }

    @Test func `a reader that does not read holds nothing but its own stream`() async throws {
        let big = String(repeating: "x", count: 100_000)
        let provider = ScriptedProvider(script: Array(repeating: .output(big), count: 200) + [.exit(0)])
        try await TestAPI([provider]).serve { server in
            try await RawConnection.connect(to: server.port) { lazy in
                try await lazy.post("/v1/runs", minimalRun, headers: "Accept: text/event-stream\r\n")
                #expect(await eventually { provider.livingCount == 1 })
                try await RawConnection.connect(to: server.port) { other in
                    try await other.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(await other.read(until: "ok\"").hasPrefix("HTTP/1.1 200 OK"))
                }
                // Twenty megabytes do not fit into the sockets' buffers: the run waits for its reader.
                #expect(provider.livingCount == 1)
                #expect(await lazy.read(until: "event: settled").contains("event: settled"))
            }
        }
    }
}
