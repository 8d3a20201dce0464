import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import ServiceLifecycle
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Clients that behave badly") struct BadClientTests {
    /// What the server understood.
    private final class Seen: Sendable {
        private let requests = Locked<[String]>([])
        var all: [String] { requests.withLock { $0 } }

        func add(to router: Router<APIContext>) {
            for method in [HTTPRequest.Method.get, .post] {
                router.on("/**", method: method) { request, _ in
                    let path = request.uri.path
                    let body = try await request.body.collect(upTo: 1 << 20)
                    self.requests.withLock { $0.append("\(request.method) \(path) \(String(buffer: body))") }
                    return "answer to \(path);"
                }
            }
        }
    }

    private func serve(
        _ server: ChannelServer = ChannelServer(), _ body: @escaping @Sendable (LiveServer, Seen) async throws -> Void
    ) async throws {
        let seen = Seen()
        try await server.serve({ seen.add(to: $0) }) { try await body($0, seen) }
    }

    @Test(
        "what comes byte by byte does not hold a connection for ever",
        arguments: ["GET / HTTP/1.1\r\nX: ", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", "\r\n"])
    func slow(start: String) async throws {
        var server = ChannelServer()
        server.idleTimeout = .milliseconds(400)
        server.bodyTimeout = .milliseconds(400)
        try await serve(server) { server, seen in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(start)
                let isClosed = Locked(false)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = await connection.readToEnd()
                        isClosed.withLock { $0 = true }
                    }
                    let end = ContinuousClock.now + .seconds(20)
                    while !isClosed.withLock({ $0 }), ContinuousClock.now < end {
                        try? await connection.send("x")
                        try? await Task.sleep(for: .milliseconds(20))
                    }
                    #expect(isClosed.withLock { $0 })
                    group.cancelAll()
                }
            }
            #expect(seen.all.isEmpty)
        }
    }

    @Test func `a body that takes its time within bounds is read, and so is the next request`() async throws {
        try await serve { server, seen in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("POST /a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n")
                for letter in "hello" {
                    try await connection.send(String(letter))
                    try await Task.sleep(for: .milliseconds(5))
                }
                _ = await connection.read(until: "answer to /a;")
                try await connection.send("GET /b HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = await connection.read(until: "answer to /b;")
            }
            #expect(seen.all == ["POST /a hello", "GET /b "])
        }
    }

    @Test func `garbage behind a request does not spoil its answer`() async throws {
        try await serve { server, seen in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n\u{16}\u{3}\u{1}garbage\r\n\r\n")
                let answer = await connection.readToEnd()
                #expect(answer.contains("answer to /a;") || answer.contains("HTTP/1.1 400 "))
                #expect(answer.contains("HTTP/1.1 400 "))
            }
            #expect(seen.all.count <= 1)
        }
    }

    @Test(
        "what is too long is refused",
        arguments: [
            ("a request line", "GET /", "x", 200_000), ("a field", "GET / HTTP/1.1\r\nX: ", "x", 200_000),
            ("fields", "GET / HTTP/1.1\r\n", "X: y\r\n", 1000),
            (
                "long fields", "GET / HTTP/1.1\r\n",
                "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 2000
            ),
            ("a method", "", "G", 200_000),
        ])
    func tooLong(name: String, start: String, part: String, count: Int) async throws {
        let text = start + String(repeating: part, count: count) + "\r\n\r\n"
        try await serve { server, seen in
            try await RawConnection.connect(to: server.port) { connection in
                try? await connection.send(text)
                let answer = await connection.readToEnd()
                #expect(answer.hasPrefix("HTTP/1.1 431 ") || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            }
            #expect(seen.all.isEmpty)
        }
    }

    @Test(
        "a body is what its head says, and no request hides in it",
        arguments: [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello", "Content-Length: 0\r\nContent-Length: 5\r\n\r\nhello",
            "Content-Length: +5\r\n\r\nhello", "Content-Length: 5, 5\r\n\r\nhello", "Content-Length: 0x5\r\n\r\nhello",
            "Content-Length: -1\r\n\r\n",
            "Content-Length: 99999999999999999999\r\n\r\n", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding:\u{0B}chunked\r\n\r\n0\r\n\r\n",
            "X: 1\r\n Transfer-Encoding: chunked\r\n\r\n", "X: \0\r\n\r\n", "X\r\n\r\n", ": x\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloworld\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
        ])
    func smuggling(rest: String) async throws {
        try await serve { server, seen in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("POST /a HTTP/1.1\r\nHost: localhost\r\n\(rest)GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n")
                // Refused, the connection may be closed already.
                try? await connection.closeSendingHalf()
                let answer = await connection.readToEnd()
                #expect(answer.contains("HTTP/1.1 400 "), "\(answer)")
                #expect(!answer.contains("answer to /smuggled"))
            }
            #expect(!seen.all.contains { $0.contains("/smuggled ") })
        }
    }

    @Test func `a client that does not read holds up whoever writes to it`() async throws {
        let server = ChannelServer()
        let written = Locked(0)
        let part = ByteBuffer(repeating: 1, count: 1 << 16)
        try await server.serve({ router in
            router.get("/endless") { _, _ in
                Response(
                    status: .ok,
                    body: ResponseBody { writer in
                        for _ in 0..<(1 << 14) {
                            try await writer.write(part)
                            written.withLock { $0 += part.readableBytes }
                        }
                        try await writer.finish(nil)
                    })
            }
        }) { server in
            try await StalledConnection.connect(
                to: server.port, sending: ByteBuffer(string: "GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            ) {
                #expect(await Stall.comesToRest { written.withLock { $0 } })
                // Nearly all of it is in the operating system's send buffer.
                #expect(written.withLock { $0 } < 6 << 20, "\(written.withLock { $0 })")
            }
        }
    }

    @Test func `clients that hang do not hold up the server's end`() async throws {
        var server = ChannelServer()
        server.drainTime = .seconds(1)
        let duration = Locked<ContinuousClock.Instant?>(nil)
        let part = ByteBuffer(repeating: 1, count: 1 << 20)
        let configured = server
        try await configured.serve({ router in
            router.get("/large") { _, _ in
                Response(status: .ok, body: ResponseBody(contentsOf: [part, part, part, part, part, part, part, part]))
            }
            router.post("/read") { request, _ in "\(try await request.body.collect(upTo: 1 << 20).readableBytes)" }
        }) { server in
            for text in [
                "", "GET /", "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n",
                "POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx",
            ] {
                try await StalledConnection.leave(open: server.port, sending: ByteBuffer(string: text))
            }
            #expect(await eventually { configured.connections.count == 4 })
            try await Task.sleep(for: .milliseconds(200))
            duration.withLock { $0 = .now }
        }
        let took = try #require(duration.withLock { $0.map { ContinuousClock.now - $0 } })
        // Without a bound it would take for ever; a busy machine takes its time.
        #expect(took < .seconds(60))
        #expect(await eventually { configured.connections.count == 0 })
    }
}
