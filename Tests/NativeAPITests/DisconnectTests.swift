import NIOCore
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Clients that leave") struct DisconnectTests {
    private static let endless: [ScriptedProvider.Step] = [.output("under way\n"), .sleep(.seconds(3600)), .exit(0)]

    private func state(_ api: TestAPI) async throws -> RunState? {
        try await api.gateway.engine.runs(.init(), for: .local).first?.state
    }

    @Test("a client that hangs up while it waits ends its run", arguments: ["application/json", "text/event-stream"])
    func hangUp(accept: String) async throws {
        let provider = ScriptedProvider(script: DisconnectTests.endless)
        let api = try await TestAPI([provider])
        try await api.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", minimalRun, headers: "Accept: \(accept)\r\n")
                #expect(await eventually { provider.livingCount == 1 })
                try await connection.close()
            }
            #expect(await eventually { provider.livingCount == 0 })
            #expect(try await eventually { try await state(api) == .cancelled })
        }
    }

    @Test func `a client that closes its sending half ends its run`() async throws {
        let provider = ScriptedProvider(script: DisconnectTests.endless)
        let api = try await TestAPI([provider])
        try await api.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", minimalRun)
                #expect(await eventually { provider.livingCount == 1 })
                try await connection.closeSendingHalf()
                #expect(await eventually { provider.livingCount == 0 })
            }
        }
    }

    @Test func `a client that leaves right after it asked leaves nothing behind`() async throws {
        let provider = ScriptedProvider(script: DisconnectTests.endless)
        let api = try await TestAPI([provider])
        try await api.serve { server in
            for accept in ["application/json", "text/event-stream"] {
                for _ in 0..<20 {
                    try await RawConnection.connect(to: server.port) { connection in
                        try await connection.post("/v1/runs", minimalRun, headers: "Accept: \(accept)\r\n")
                        try await connection.close()
                    }
                }
            }
            let isQuiet = try await eventually {
                let runs = try await api.gateway.engine.runs(.init(), for: .local)
                return provider.livingCount == 0 && runs.allSatisfy(\.isSettled)
            }
            #expect(isQuiet)
        }
    }

    @Test func `a watcher that leaves changes nothing`() async throws {
        let provider = ScriptedProvider(script: DisconnectTests.endless)
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let handle = try await api.gateway.engine.submit(.scripted(timeout: .seconds(3600), detached: true), by: .local)
            for path in ["events", "logs?follow=true"] {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send("GET /v1/runs/\(handle.id)/\(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(await connection.read(until: "under way").contains("under way"))
                    try await connection.close()
                }
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(provider.livingCount == 1)
            #expect(try await api.gateway.engine.run(handle.id, for: .local).state == .running)
        }
    }

    @Test func `a detached run survives its caller`() async throws {
        let provider = ScriptedProvider(script: DisconnectTests.endless)
        let api = try await TestAPI([provider])
        try await api.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", detachedRun, headers: "Accept: text/event-stream\r\n")
                _ = await connection.read(until: "event: stdout")
                try await connection.close()
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(provider.livingCount == 1)
        }
    }

    @Test func `a connection is kept for the next run, and requests sent ahead are answered in turn`() async throws {
        try await TestAPI([ScriptedProvider(script: [.sleep(.milliseconds(30)), .output("hello"), .exit(0)])]).serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                for _ in 0..<3 {
                    try await connection.post("/v1/runs", minimalRun)
                    #expect(await connection.read(until: "\"decision\":").hasPrefix("HTTP/1.1 200 OK"))
                    // The end of the answer: what follows begins a new one.
                    try await connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(await connection.read(until: "\"status\":\"ok\"").contains("HTTP/1.1 200 OK"))
                    await connection.clear()
                }
                // Two at once: the second waits for the first.
                let next = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
                let first = "POST /v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(minimalRun.utf8.count)\r\n\r\n\(minimalRun)"
                try await connection.send(first + next)
                let answers = await connection.read(until: "\"status\":\"ok\"")
                #expect(answers.contains("\"state\":\"finished\""))
            }
        }
    }
}
