import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Ports of sandboxes") struct PortTests {
    /// A gateway with one sandbox whose port 80 is `server`.
    private func gateway(
        _ endpoint: SandboxEndpoint, timeout: Duration = .seconds(30),
        _ body: @escaping @Sendable (LiveServer, _ path: String) async throws -> Void
    ) async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.endpoints[80] = endpoint }
        var api = try await TestAPI([provider])
        api.configuration.portTimeout = timeout
        let configured = api
        try await configured.serve { server in
            let sandbox = try await configured.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
            try await body(server, "/v1/sandboxes/\(sandbox.id)/ports/80")
        }
    }

    /// The same with a server that serves each connection with `serve`.
    private func gateway(
        timeout: Duration = .seconds(30), serving serve: @escaping @Sendable (RawServer.Inbound, RawServer.Outbound) async throws -> Void,
        _ body: @escaping @Sendable (LiveServer, _ path: String, RawServer) async throws -> Void
    ) async throws {
        try await RawServer.run(serving: serve) { upstream in
            try await gateway(upstream.endpoint, timeout: timeout) { server, path in try await body(server, path, upstream) }
        }
    }

    private static func answer(_ body: String, fields: String = "") -> ByteBuffer {
        ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)")
    }

    @Test func `a request goes through as it is, and its answer comes back`() async throws {
        try await gateway(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            let request = try await RawServer.Inbound.read(&iterator, until: "the body")
            try await outbound.write(PortTests.answer(request, fields: "X-Own: 1\r\nSet-Cookie: a=1; Path=/\r\n"))
        }) { server, path, _ in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "PROPFIND \(path)//a%2Fb?q=1&r HTTP/1.1\r\nHost: localhost\r\nX-API-Key: sandstorm_secret\r\nX-Mine: 2\r\n"
                        + "Content-Length: 8\r\n\r\nthe body")
                let answer = await connection.read(until: "the body")
                #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
                #expect(answer.contains("PROPFIND //a%2Fb?q=1&r HTTP/1.1\r\n"))
                #expect(answer.contains("Host: localhost:80\r\n"))
                #expect(answer.contains("X-Mine: 2\r\n"))
                #expect(answer.contains("X-Own: 1\r\n"))
                #expect(answer.contains("X-Forwarded-For: 127.0.0.1\r\n"))
                #expect(answer.contains("Set-Cookie: a=1; Path=\(path)/\r\n"))
                #expect(answer.contains("Content-Security-Policy: sandbox"))
                #expect(!answer.contains("secret"))
            }
        }
    }

    @Test func `a page without its slash is led to it`() async throws {
        try await gateway(serving: { _, _ in }) { server, path, upstream in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET \(path)?q=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let answer = await connection.read(until: "\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 308 "))
                #expect(answer.contains("Location: \(path)/?q=1\r\n"))
            }
            #expect(upstream.accepted.withLock { $0 } == 0)
        }
    }

    @Test func `many megabytes go both ways at once`() async throws {
        let size = 24 << 20
        try await gateway(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            // What follows the head in the first piece counts as well.
            var text = ""
            while !text.contains("\r\n\r\n"), let bytes = try await iterator.next() { text += String(buffer: bytes) }
            var count = text.utf8.count - (text.ranges(of: "\r\n\r\n").first.map { text[..<$0.upperBound].utf8.count } ?? 0)
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n"))
            try await outbound.write(ByteBuffer(repeating: UInt8(ascii: "x"), count: count))
            while count < size, let bytes = try await iterator.next() {
                count += bytes.readableBytes
                try await outbound.write(bytes)
            }
            // Closing at once would take back what is not sent yet.
            outbound.finish()
            while try await iterator.next() != nil {}
        }) { server, path, _ in
            try await HTTPClient.withHTTPClient { client in
                var request = HTTPClientRequest(url: "\(server.url)\(path)/")
                request.method = .POST
                let part = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 16)
                request.body = .stream(
                    AsyncStream { continuation in
                        for _ in 0..<(size >> 16) { continuation.yield(part) }
                        continuation.finish()
                    }, length: .known(Int64(size)))
                let response = try await client.execute(request, timeout: .seconds(60))
                var count = 0
                for try await bytes in response.body { count += bytes.readableBytes }
                #expect(count == size)
            }
        }
    }

    @Test func `a server that answers before it reads is heard, and nothing breaks`() async throws {
        try await gateway(serving: { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 413 Too Long\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"))
            outbound.finish()
            var iterator = inbound.makeAsyncIterator()
            _ = try await iterator.next()
        }) { server, path, _ in
            for _ in 0..<20 {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send(
                        "PUT \(path)/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999\r\n\r\n\(String(repeating: "x", count: 100_000))"
                    )
                    let answer = await connection.read(until: "\r\n\r\nno")
                    // It is either what the server said, or that it hung up on us before.
                    #expect(answer.hasPrefix("HTTP/1.1 413 ") || answer.hasPrefix("HTTP/1.1 502 "), "\(answer)")
                }
            }
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                #expect(await connection.read(until: "ok").hasPrefix("HTTP/1.1 200"))
            }
        }
    }

    @Test func `every line comes at once`() async throws {
        let (lines, send) = AsyncStream<String>.makeStream()
        try await gateway(serving: { _, outbound in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"))
            for await line in lines {
                try await outbound.write(ByteBuffer(string: "\(String(line.utf8.count, radix: 16))\r\n\(line)\r\n"))
            }
            try await outbound.write(ByteBuffer(string: "0\r\n\r\n"))
        }) { server, path, _ in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                for number in 0..<20 {
                    send.yield("line \(number);")
                    #expect(await connection.read(until: "line \(number);").contains("line \(number);"))
                }
                send.finish()
                _ = await connection.read(until: "\r\n0\r\n\r\n")
            }
        }
    }

    @Test func `nothing listening, garbage, and silence have their answers`() async throws {
        try await gateway(try RawServer.endpoint("/tmp/sandstorm-no-such.sock")) { server, path in
            try await PortTests.expect(502, "port-unreachable", server, path)
            try await PortTests.expect(502, "port-unreachable", server, path, fields: PortTests.handshake)
        }
        try await gateway(serving: { _, outbound in outbound.finish() }) { server, path, _ in
            try await PortTests.expect(502, "port-unreachable", server, path)
            try await PortTests.expect(502, "port-unreachable", server, path, fields: PortTests.handshake)
        }
        try await gateway(serving: { _, outbound in try await outbound.write(ByteBuffer(string: "SSH-2.0-x\r\n")) }) { server, path, _ in
            try await PortTests.expect(502, "port-unreachable", server, path)
            try await PortTests.expect(502, "port-unreachable", server, path, fields: PortTests.handshake)
        }
        let silence: @Sendable (RawServer.Inbound, RawServer.Outbound) async throws -> Void = { inbound, _ in for try await _ in inbound {}
        }
        try await gateway(timeout: .milliseconds(200), serving: silence) { server, path, upstream in
            try await PortTests.expect(504, "port-timed-out", server, path)
            try await PortTests.expect(504, "port-timed-out", server, path, fields: PortTests.handshake)
            // An upload that never ends is no excuse.
            try await PortTests.expect(504, "port-timed-out", server, path, method: "POST", fields: "Content-Length: 10\r\n")
            #expect(await eventually { upstream.open.withLock { $0 } == 0 })
        }
    }

    private static let handshake =
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    private static func expect(
        _ status: Int, _ problem: String, _ server: LiveServer, _ path: String, method: String = "GET", fields: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await RawConnection.connect(to: server.port) { connection in
            try await connection.send("\(method) \(path)/ HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
            let answer = await connection.read(until: "retryable")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)", sourceLocation: sourceLocation)
            #expect(answer.contains("urn:sandstorm:problem:\(problem)\""), sourceLocation: sourceLocation)
        }
    }

    @Test func `an answer that breaks off does not pass for a whole one`() async throws {
        try await gateway(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            _ = try await RawServer.Inbound.read(&iterator, until: "\r\n\r\n")
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
        }) { server, path, _ in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let answer = await connection.readToEnd()
                #expect(answer.contains("hello"))
                #expect(!answer.contains("0\r\n\r\n"))
            }
        }
    }

    @Test func `a request that breaks off does not pass for a whole one`() async throws {
        let received = Locked("")
        try await gateway(serving: { inbound, _ in
            for try await bytes in inbound { received.withLock { $0 += String(buffer: bytes) } }
        }) { server, path, upstream in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("POST \(path)/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
                #expect(await eventually { received.withLock { $0.contains("hello") } })
                try await connection.close()
            }
            #expect(await eventually { upstream.open.withLock { $0 } == 0 })
            #expect(!received.withLock { $0.contains("0\r\n\r\n") })
        }
    }

    @Test func `a client that leaves takes its request along`() async throws {
        try await gateway(serving: { inbound, outbound in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
            for try await _ in inbound {}
        }) { server, path, upstream in
            for _ in 0..<5 {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send("GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    _ = await connection.read(until: "hello")
                    #expect(upstream.open.withLock { $0 } == 1)
                    try await connection.close()
                }
                #expect(await eventually { upstream.open.withLock { $0 } == 0 })
            }
        }
    }

    @Test func `a client that does not read stalls the server behind the port`() async throws {
        let written = Locked(0)
        try await gateway(serving: { _, outbound in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"))
            let part = ByteBuffer(repeating: 1, count: 1 << 16)
            for _ in 0..<(1 << 14) {
                try await outbound.write(part)
                written.withLock { $0 += part.readableBytes }
            }
        }) { server, path, _ in
            try await StalledConnection.connect(
                to: server.port, sending: ByteBuffer(string: "GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
            ) {
                #expect(await Stall.comesToRest { written.withLock { $0 } })
                // Of one GiB. What the test's own server has queued is counted in, and the operating system's buffers.
                #expect(written.withLock { $0 } < 128 << 20)
            }
        }
    }

    @Test func `a WebSocket goes through, its subprotocol and every message`() async throws {
        try await gateway(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            let head = try await RawServer.Inbound.read(&iterator, until: "\r\n\r\n")
            guard let line = head.split(separator: "\r\n").first(where: { $0.lowercased().hasPrefix("sec-websocket-key:") }) else { return }
            let accept = WebSocketHandshake.accept(String(line.drop { $0 != ":" }.dropFirst(2)))
            try await outbound.write(
                ByteBuffer(
                    string: "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Protocol: chat\r\n"
                        + "Sec-WebSocket-Accept: \(accept)\r\n\r\n"))
            // Frames of a client come back as those of a server: with the mask taken off.
            var decoder = WebSocketFrameDecoder(role: .server, limit: 1 << 22)
            let encoder = WebSocketFrameEncoder(role: .server)
            while let bytes = try await iterator.next() {
                decoder.append(bytes)
                while let event = try decoder.next() {
                    var buffer = ByteBuffer()
                    switch event {
                    case .message(let message): encoder.encode(message, into: &buffer)
                    case .close(let close): encoder.encode(close, into: &buffer)
                    case .ping, .pong: continue
                    }
                    try await outbound.write(buffer)
                    if case .close = event { return }
                }
            }
        }) { server, path, upstream in
            let count = Locked(0)
            let end = try await WebSocketClient().withConnection(to: try server.socketURL(path + "/ws?a=1"), protocols: ["chat"]) {
                socket, subprotocol in
                #expect(subprotocol == "chat")
                for size in [0, 1, 1000, 1 << 20] {
                    let message = WebSocketMessage.binary(ByteBuffer(repeating: 3, count: size))
                    _ = await socket.send(message)
                    if await socket.receive() == message { count.withLock { $0 += 1 } }
                }
                return WebSocketClose(.normal, "through")
            }
            #expect(count.withLock { $0 } == 4)
            #expect(end == WebSocketClose(.normal, "through"))
            #expect(await eventually { upstream.open.withLock { $0 } == 0 })
        }
    }

    @Test func `a refused WebSocket is the server's own answer`() async throws {
        try await gateway(serving: { _, outbound in
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: not\r\n\r\nnope"))
        }) { server, path, upstream in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\(PortTests.handshake)\r\n")
                let answer = await connection.readToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 403 Forbidden\r\n"))
                #expect(answer.contains("X-Why: not\r\n"))
                #expect(answer.hasSuffix("\r\n\r\nnope"))
            }
            #expect(await eventually { upstream.open.withLock { $0 } == 0 })
        }
    }

    @Test func `either side of a spliced socket may finish first`() async throws {
        let received = Locked("")
        try await gateway(serving: { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            _ = try await RawServer.Inbound.read(&iterator, until: "\r\n\r\n")
            try await outbound.write(ByteBuffer(string: "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nfirst"))
            let text = try await RawServer.Inbound.read(&iterator, until: "never")
            received.withLock { $0 = text }
            try await outbound.write(ByteBuffer(string: "last"))
        }) { server, path, upstream in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET \(path)/ HTTP/1.1\r\nHost: localhost\r\n\(PortTests.handshake)\r\n")
                _ = await connection.read(until: "first")
                try await connection.send("said by the client")
                try await connection.closeSendingHalf()
                #expect(await connection.readToEnd().hasSuffix("firstlast"))
            }
            #expect(received.withLock { $0 } == "said by the client")
            #expect(await eventually { upstream.open.withLock { $0 } == 0 })
        }
    }

    @Test func `pages of other origins reach ports and nothing else`() async throws {
        try await gateway(serving: { _, outbound in try await outbound.write(PortTests.answer("page")) }) { server, path, _ in
            let foreign = "Origin: null\r\nSec-Fetch-Site: cross-site\r\n"
            for (target, host, status) in [
                ("\(path)/", "localhost", "200"), ("\(path)/", "evil.example", "403"), ("/v1/sandboxes", "localhost", "403"),
                (path.replacing("ports/80", with: "processes/socket"), "localhost", "403"),
            ] {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send("GET \(target) HTTP/1.1\r\nHost: \(host)\r\n\(foreign)Connection: close\r\n\r\n")
                    #expect(await connection.readToEnd().hasPrefix("HTTP/1.1 \(status) "), "\(target) \(host)")
                }
            }
        }
    }
}

/// Something that flows until somebody holds it up.
enum Stall {
    /// Waits until `measure` has not grown for a while; `false` if it never stops.
    static func comesToRest(_ measure: @Sendable () -> Int) async -> Bool {
        var last = (value: -1, since: ContinuousClock.now)
        let end = ContinuousClock.now + .seconds(60)
        while ContinuousClock.now < end {
            let value = measure()
            if value != last.value { last = (value, .now) }
            if value > 0, ContinuousClock.now - last.since > .seconds(1) { return true }
            try? await Task.sleep(for: .milliseconds(20))
        }
        return false
    }
}
