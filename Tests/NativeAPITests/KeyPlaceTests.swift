import HTTPTypes
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Where a key is shown") struct KeyPlaceTests {
    /// A gateway that wants keys, with one sandbox whose port 80 gives back what it was sent.
    private func gateway(
        answering answer: @escaping @Sendable (String) -> String,
        _ body: @escaping @Sendable (LiveServer, _ sandbox: String, _ secret: String, _ seen: Locked<[String]>) async throws -> Void
    ) async throws {
        let seen = Locked<[String]>([])
        try await RawServer.run(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            let request = try await RawServer.Inbound.read(&iterator, until: "\r\n\r\n")
            seen.withLock { $0.append(request) }
            try await outbound.write(ByteBuffer(string: answer(request)))
            _ = try await iterator.next()
        }) { upstream in
            let provider = ScriptedProvider(script: [.output("hello"), .exit(0)])
            provider.behave { $0.endpoints[80] = upstream.endpoint }
            let (api, _, secret) = try await TestAPI.withKeys([provider])
            try await api.serve { server in
                let sandbox = try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
                try await body(server, "/v1/sandboxes/\(sandbox.id)", secret, seen)
            }
        }
    }

    /// The head of the answer to a `GET`.
    private func get(_ path: String, _ fields: [String], of server: LiveServer) async throws -> String {
        let head = Locked("")
        try await RawConnection.connect(to: server.port) { connection in
            try await connection.send(
                "GET \(path) HTTP/1.1\r\nHost: localhost\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
            let text = await connection.read(until: "\r\n\r\n")
            head.withLock { $0 = text }
        }
        return head.withLock { $0 }
    }

    private static let handshake = [
        "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    @Test func `beside a key, Authorization belongs to the port's own server`() async throws {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
        try await gateway(answering: { _ in answer }) { server, sandbox, secret, seen async throws in
            let port = sandbox + "/ports/80/"
            #expect(try await get(port, ["Authorization: Bearer app", "X-API-Key: \(secret)"], of: server).hasPrefix("HTTP/1.1 200 "))
            let request = seen.withLock { $0.last ?? "" }
            #expect(request.contains("Authorization: Bearer app\r\n"))
            #expect(!request.contains(secret))

            #expect(try await get(port, ["Authorization: Bearer \(secret)"], of: server).hasPrefix("HTTP/1.1 200 "))
            #expect(!seen.withLock { $0.last ?? "" }.contains(secret))
            // A wrong key is not made good by the app's field, nor is the app's field a key.
            for fields in [["Authorization: Bearer \(secret)", "X-API-Key: sandstorm_0"], ["Authorization: Bearer app"]] {
                #expect(try await get(port, fields, of: server).hasPrefix("HTTP/1.1 401 "), "\(fields)")
            }
            // Everywhere else it is the caller's own.
            #expect(
                try await get("/v1/runs", ["Authorization: Bearer app", "X-API-Key: \(secret)"], of: server).hasPrefix("HTTP/1.1 401 "))
        }
    }

    @Test func `a WebSocket's handshake may show it as a subprotocol, which is never said back`() async throws {
        try await gateway(answering: { _ in "" }) { server, sandbox, secret, _ async throws in
            let path = sandbox + "/processes/socket"
            for (offered, chosen) in [
                ("sandstorm, sandstorm.key.\(secret)", "sandstorm"), ("sandstorm.key.\(secret),sandstorm", "sandstorm"),
                ("sandstorm, sandstorm.key.\(secret), sandstorm.process.v1", "sandstorm.process.v1"),
            ] {
                let head = try await get(path, KeyPlaceTests.handshake + ["Sec-WebSocket-Protocol: \(offered)"], of: server)
                #expect(head.hasPrefix("HTTP/1.1 101 "), "\(head)")
                #expect(head.contains("Sec-WebSocket-Protocol: \(chosen)\r\n"))
                #expect(!head.contains(secret))
            }
            for offered in ["sandstorm", "sandstorm, sandstorm.key.", "sandstorm, sandstorm.key.sandstorm_0", secret] {
                let head = try await get(path, KeyPlaceTests.handshake + ["Sec-WebSocket-Protocol: \(offered)"], of: server)
                #expect(head.hasPrefix("HTTP/1.1 401 "), "\(head)")
            }
            // No handshake, no key.
            #expect(
                try await get("/v1/runs", ["Sec-WebSocket-Protocol: sandstorm, sandstorm.key.\(secret)"], of: server).hasPrefix(
                    "HTTP/1.1 401 "))
        }
    }

    @Test(
        "a port's WebSocket is told of no key, and chooses among what is its own",
        arguments: [("", "sandstorm"), ("Sec-WebSocket-Protocol: chat\r\n", "chat")])
    func port(own: String, chosen: String) async throws {
        try await gateway(answering: { _ in
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\(own)\r\n"
        }) { server, sandbox, secret, seen async throws in
            let offered = "sandstorm, chat, sandstorm.key.\(secret)"
            let head = try await get(
                sandbox + "/ports/80/live", KeyPlaceTests.handshake + ["Sec-WebSocket-Protocol: \(offered)"], of: server)
            #expect(head.hasPrefix("HTTP/1.1 101 "), "\(head)")
            #expect(head.contains("Sec-WebSocket-Protocol: \(chosen)\r\n"), "\(head)")
            let request = seen.withLock { $0.last ?? "" }
            #expect(request.contains("Sec-WebSocket-Protocol: chat\r\n"), "\(request)")
            #expect(!request.contains(secret))
        }
    }
}
