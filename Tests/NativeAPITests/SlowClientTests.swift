import Hummingbird
import HummingbirdCore
import NIOCore
import NIOPosix
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Clients that take for ever") struct SlowClientTests {
    /// A server with bodies without an end.
    private func serve(
        stallTimeout: Duration, bodyTimeout: Duration = .seconds(60),
        _ body: @escaping @Sendable (LiveServer, Connections) async throws -> Void
    ) async throws {
        var server = ChannelServer()
        server.stallTimeout = stallTimeout
        server.bodyTimeout = bodyTimeout
        let connections = server.connections
        let part = ByteBuffer(repeating: 1, count: 1 << 16)
        try await server.serve({ router in
            for (path, type) in [("/bytes", "application/octet-stream"), ("/events", "text/event-stream")] {
                router.get(RouterPath(path)) { _, _ in
                    Response(
                        status: .ok, headers: [.contentType: type],
                        body: ResponseBody { writer in while true { try await writer.write(part) } })
                }
            }
            router.get("/whole") { _, _ in Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(repeating: 1, count: 32 << 20)))
            }
            router.post("/read") { request, _ in "\(try await request.body.collect(upTo: 1 << 20).readableBytes)" }
        }) { try await body($0, connections) }
    }

    private func request(_ path: String) -> ByteBuffer { ByteBuffer(string: "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n") }

    @Test("an answer that nobody reads is cut in time", arguments: ["/bytes", "/whole"])
    func stall(path: String) async throws {
        try await serve(stallTimeout: .milliseconds(400)) { server, connections async throws in
            try await StalledConnection.connect(to: server.port, sending: request(path)) {
                #expect(await eventually { connections.count == 1 })
                #expect(await eventually(within: .seconds(30)) { connections.count == 0 })
            }
        }
    }

    @Test func `an event stream that nobody reads waits`() async throws {
        try await serve(stallTimeout: .milliseconds(200)) { server, connections async throws in
            try await StalledConnection.connect(to: server.port, sending: request("/events")) {
                // The other was there later and is gone: time enough has passed for both.
                try await StalledConnection.connect(to: server.port, sending: request("/bytes")) {
                    #expect(await eventually { connections.count == 2 })
                    #expect(await eventually(within: .seconds(30)) { connections.count == 1 })
                }
                try await Task.sleep(for: .milliseconds(400))
                #expect(connections.count == 1)
            }
        }
    }

    @Test func `a client that reads slowly is served for as long as it does`() async throws {
        let stallTimeout = Duration.seconds(2)
        try await serve(stallTimeout: stallTimeout) { server, connections async throws in
            let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .channelOption(ChannelOptions.autoRead, value: false)
                .channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 64 * 1024)
                .connect(host: "127.0.0.1", port: server.port).get()
            try await channel.writeAndFlush(request("/bytes")).get()
            let end = ContinuousClock.now + stallTimeout * 3
            while ContinuousClock.now < end {
                channel.read()
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(connections.count == 1)
            try await channel.close()
        }
    }

    @Test func `a body that does not come is refused, and what still comes of it is nobody's`() async throws {
        try await serve(stallTimeout: .seconds(60), bodyTimeout: .milliseconds(300)) { server, _ in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("POST /read HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel")
                let refusal = await connection.read(until: "retryable\":true")
                #expect(refusal.hasPrefix("HTTP/1.1 408 "), "\(refusal)")
                #expect(refusal.contains("urn:sandstorm:problem:request-timeout"))
                try? await connection.send("lo")
                let all = await connection.readToEnd()
                #expect(!all.contains("200 OK"), "\(all)")
            }
        }
    }
}
