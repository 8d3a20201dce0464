import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormTestSupport
import SandstormWire
import ServiceLifecycle
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("WebSockets on the API's port") struct WebSocketTests {
    private static let handshake = """
        GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n
        """

    private func serve(
        _ server: ChannelServer = ChannelServer(), limits: WebSocketConnection.Limits = .init(), subprotocols: [String] = [],
        serving: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose = WebSocketConnection.echo,
        _ body: @escaping @Sendable (LiveServer) async throws -> Void
    ) async throws {
        try await server.serve(
            { router in
                router.get("/socket", use: server.socket(limits, subprotocols: subprotocols, serving))
                router.get("/hello") { _, _ in "hello" }
                router.post("/length") { request, _ in "\(try await request.body.collect(upTo: 1 << 20).readableBytes) bytes" }
            }, body)
    }

    @Test func `messages go both ways, and the closing handshake is done`() async throws {
        try await serve { server in
            let received = Locked<[WebSocketMessage]>([])
            let sent: [WebSocketMessage] = [.text("hello"), .text(""), .binary(ByteBuffer(repeating: 7, count: 1 << 20)), .text("ä€𝄞")]
            let end = try await WebSocketClient().withConnection(to: try server.socketURL("/socket")) { socket, _ in
                for message in sent {
                    _ = await socket.send(message)
                    if let message = await socket.receive() { received.withLock { $0.append(message) } }
                }
                return WebSocketClose(.normal, "enough")
            }
            #expect(received.withLock { $0 } == sent)
            #expect(end == WebSocketClose(.normal, "enough"))
        }
    }

    @Test func `the server closes, and the connection with it`() async throws {
        try await serve(serving: { socket in
            _ = await socket.receive()
            return WebSocketClose(.init(rawValue: 4001), "had enough")
        }) { server in
            let end = try await WebSocketClient().withConnection(to: try server.socketURL("/socket")) { socket, _ in
                _ = await socket.send(.text("a"))
                _ = await socket.receive()
                return WebSocketClose(.normal)
            }
            #expect(end == WebSocketClose(.init(rawValue: 4001), "had enough"))
        }
    }

    @Test func `one subprotocol of those offered is chosen`() async throws {
        try await serve(subprotocols: ["b.v1"]) { server in
            for (offered, chosen) in [(["a.v1", "b.v1"], "b.v1"), (["a.v1"], nil), ([], nil)] as [([String], String?)] {
                _ = try await WebSocketClient().withConnection(to: try server.socketURL("/socket"), protocols: offered) { _, subprotocol in
                    #expect(subprotocol == chosen)
                    return WebSocketClose(.normal)
                }
            }
        }
    }

    @Test(
        "handshakes that are none get a problem, and the connection is closed",
        arguments: [
            (
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                "426"
            ),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n", "400"),
            ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "400"),
            ("Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n", "426"),
        ])
    func refused(fields: String, status: String) async throws {
        try await serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /socket HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
                let answer = await connection.readToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
                #expect(answer.contains("urn:sandstorm:problem:"))
                #expect(answer.lowercased().contains("\r\nconnection: close\r\n"))
            }
        }
    }

    @Test func `an upgrade may follow other requests on its connection, and frames may come right behind it`() async throws {
        try await serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(await connection.read(until: "hello").hasPrefix("HTTP/1.1 200"))
                await connection.clear()
                // Two requests and the first frame in one packet.
                var bytes = ByteBuffer(string: "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + WebSocketTests.handshake + "\r\n")
                WebSocketFrameEncoder(role: .client).encode(.text("right behind"), into: &bytes)
                try await connection.send(bytes: Array(bytes.readableBytesView))
                let answer = await connection.read(until: "right behind")
                #expect(answer.contains("hello"))
                #expect(answer.contains("HTTP/1.1 101 Switching Protocols"))
                #expect(answer.contains("Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="))
                #expect(answer.hasSuffix("right behind"))
            }
        }
    }

    @Test func `a request that asks for another protocol is answered, and its connection closed behind it`() async throws {
        try await serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n"
                )
                #expect(await connection.readToEnd().contains("hello"))
            }
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "POST /length HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nabcde")
                #expect(await connection.readToEnd().contains("5 bytes"))
            }
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\nabc")
                #expect(await connection.readToEnd().hasPrefix("HTTP/1.1 404"))
            }
        }
    }

    @Test(
        "frames that may not be sent close the socket with their code",
        arguments: [
            ([0x81, 0x01, 0x61], 1002), ([0x83, 0x80, 0, 0, 0, 0], 1002), ([0x81, 0x81, 0, 0, 0, 0, 0x7F], 0),
            ([0x82, 0xFF, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0], 1009), ([0x47, 0x45, 0x54, 0x20, 0x2F], 1002),
        ] as [([UInt8], Int)])
    func badFrames(bytes: [UInt8], code: Int) async throws {
        try await serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(WebSocketTests.handshake + "\r\n")
                _ = await connection.read(until: "\r\n\r\n")
                await connection.clear()
                try await connection.send(bytes: bytes)
                if code == 0 {
                    _ = await connection.read(until: "\u{7F}")
                    #expect(await connection.receivedBytes == [0x81, 0x01, 0x7F])
                    return
                }
                try await connection.closeSendingHalf()
                let answer = await connection.readBytesToEnd()
                #expect(answer.first == 0x88)
                #expect(answer.count >= 4 && Int(answer[2]) << 8 | Int(answer[3]) == code)
            }
        }
    }

    /// A server that never closes what is open by itself.
    private static var patient: ChannelServer {
        var server = ChannelServer()
        server.drainTime = .seconds(3600)
        return server
    }

    @Test func `a server that stops says so on every socket`() async throws {
        try await serve(WebSocketTests.patient) { server in
            let end = try await WebSocketClient().withConnection(to: try server.socketURL("/socket")) { socket, _ in
                _ = await socket.send(.text("a"))
                _ = await socket.receive()
                await server.group.triggerGracefulShutdown()
                _ = await socket.receive()
                return WebSocketClose(.normal)
            }
            #expect(end.code == .goingAway)
        }
    }

    @Test func `a client that neither reads nor answers does not hold up the server's end`() async throws {
        var limits = WebSocketConnection.Limits()
        limits.closeTime = .milliseconds(200)
        let ended = Locked(0)
        let start = Locked<ContinuousClock.Instant?>(nil)
        try await serve(
            WebSocketTests.patient, limits: limits,
            serving: { socket in
                let message = WebSocketMessage.binary(ByteBuffer(repeating: 1, count: 1 << 16))
                while await socket.send(message) {}
                ended.withLock { $0 += 1 }
                return WebSocketClose(.normal)
            }
        ) { server in
            try await StalledConnection.connect(to: server.port, sending: ByteBuffer(string: WebSocketTests.handshake + "\r\n")) {
                try await Task.sleep(for: .milliseconds(300))
                #expect(ended.withLock { $0 } == 0)
                start.withLock { $0 = .now }
                await server.group.triggerGracefulShutdown()
                #expect(await eventually { ended.withLock { $0 } == 1 })
            }
        }
        let duration = try #require(start.withLock { $0 }.map { ContinuousClock.now - $0 })
        #expect(duration < .seconds(60))
    }

    @Test func `a socket that its client leaves ends what is done on it`() async throws {
        let ended = Locked(0)
        try await serve(serving: { socket in
            try? await Task.sleep(for: .seconds(3600))
            ended.withLock { $0 += 1 }
            return WebSocketClose(.normal)
        }) { server in
            for _ in 0..<10 {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send(WebSocketTests.handshake + "\r\n")
                    _ = await connection.read(until: "\r\n\r\n")
                    try await connection.close()
                }
            }
            #expect(await eventually { ended.withLock { $0 } == 10 })
        }
    }
}
