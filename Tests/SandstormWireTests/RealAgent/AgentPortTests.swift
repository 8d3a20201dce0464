#if os(Linux)
import Foundation
import Glibc
import NIOCore
import NIOPosix
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Ports through the agent", .enabled(if: RealAgent.isBuilt, RealAgent.why))
struct AgentPortTests {
    private static let group = MultiThreadedEventLoopGroup.singleton

    /// Collects what comes; answers nothing.
    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer
        let bytes = Locked(ByteBuffer())
        let hasEnded = Locked(false)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let piece = unwrapInboundIn(data)
            bytes.withLock { _ = $0.writeImmutableBuffer(piece) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed? = event as? ChannelEvent { hasEnded.withLock { $0 = true } }
        }

        func channelInactive(context: ChannelHandlerContext) { hasEnded.withLock { $0 = true } }

        var isOver: Bool { hasEnded.withLock(\.self) }
        var text: String { bytes.withLock { String(buffer: $0) } }
    }

    /// Sends back what comes, and ends when the client does.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed? = event as? ChannelEvent else { return }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "bye")), promise: nil)
            context.close(mode: .output, promise: nil)
        }
    }

    private func listen(host: String = "127.0.0.1", _ handler: @escaping @Sendable () -> any ChannelHandler) async throws -> any Channel {
        try await ServerBootstrap(group: Self.group)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(handler()) }
            }
            .bind(host: host, port: 0).get()
    }

    private func connect(_ path: String, autoRead: Bool = true) async throws -> (any Channel, Collector) {
        let collector = Collector()
        let channel = try await ClientBootstrap(group: Self.group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(collector) }
            }
            .connect(unixDomainSocketPath: path).get()
        return (channel, collector)
    }

    private func port(_ server: any Channel) throws -> Int { try #require(server.localAddress?.port) }

    @Test("both ways carry bytes and end by themselves", arguments: ["127.0.0.1", "::1"])
    func echo(host: String) async throws {
        try await RealAgent.run { agent in
            guard let server = try? await listen(host: host, { Echo() }) else { return }  // A machine without IPv6.
            let forward = try await agent.connection.forward(port: port(server), listeningAt: agent.path("s"), on: Self.group)
            #expect(try await agent.files.info(agent.path("s"), followingLinks: false).mode == 0o600)
            let (client, collector) = try await connect(agent.path("s"))
            try await client.writeAndFlush(ByteBuffer(string: "hello "))
            #expect(await eventually { collector.text == "hello " })
            #expect(!collector.isOver)
            try await client.close(mode: .output)
            #expect(await eventually { collector.text == "hello bye" && collector.isOver })
            try? await client.close()
            await forward.close()
            #expect(try await agent.names().isEmpty)
            try await server.close()
        }
    }

    @Test("many connections at once, each with its own bytes")
    func many() async throws {
        try await RealAgent.run { agent in
            let server = try await listen { Echo() }
            let forward = try await agent.connection.forward(port: port(server), listeningAt: agent.path("s"), on: Self.group)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        let (client, collector) = try await connect(agent.path("s"))
                        let sent = ByteBuffer(repeating: UInt8(number), count: 300_000 + number)
                        try await client.writeAndFlush(sent)
                        try await client.close(mode: .output)
                        #expect(await eventually { collector.isOver })
                        var received = collector.bytes.withLock(\.self)
                        #expect(received.readSlice(length: sent.readableBytes) == sent)
                        #expect(String(buffer: received) == "bye")
                        try? await client.close()
                    }
                }
                try await group.waitForAll()
            }
            await forward.close()
            try await server.close()
        }
    }

    @Test("a refused connection is closed at once, and the next one works")
    func refused() async throws {
        try await RealAgent.run { agent in
            // Bound and not listening: it refuses, and nobody else can get the number meanwhile.
            let holder = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { Glibc.close(holder) }
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    #expect(bind(holder, address, size) == 0)
                    #expect(getsockname(holder, address, &size) == 0)
                }
            }
            let free = Int(UInt16(bigEndian: name.sin_port))
            let forward = try await agent.connection.forward(port: free, listeningAt: agent.path("s"), on: Self.group)
            let (client, collector) = try await connect(agent.path("s"))
            #expect(await eventually { collector.isOver })
            try? await client.close()
            await forward.close()
            for wrong in [0, -1, 65_536] {
                await #expect(throws: ProviderError.self) {
                    _ = try await agent.connection.forward(port: wrong, listeningAt: agent.path("s"), on: Self.group)
                }
            }
            await #expect(throws: ProviderError.self) {
                _ = try await agent.connection.forward(port: 80, listeningAt: agent.path("none/s"), on: Self.group)
            }
        }
    }

    @Test("a connection ends while another agent lives that started during it")
    func anotherAgent() async throws {
        try await RealAgent.run { agent in
            let server = try await listen { Echo() }
            let forward = try await agent.connection.forward(port: port(server), listeningAt: agent.path("s"), on: Self.group)
            let (client, collector) = try await connect(agent.path("s"))
            try await client.writeAndFlush(ByteBuffer(string: "x"))
            #expect(await eventually { collector.text == "x" })
            try await RealAgent.run { _ in
                await forward.close()
                #expect(await eventually { collector.isOver })
            }
            try? await client.close()
            try await server.close()
        }
    }

    @Test("whoever does not read holds up the one who writes, and nobody else")
    func backPressure() async throws {
        try await RealAgent.run { agent in
            let echo = try await listen { Echo() }
            let flood = try await listen { Flood() }
            let forward = try await agent.connection.forward(port: port(flood), listeningAt: agent.path("flood"), on: Self.group)
            let other = try await agent.connection.forward(port: port(echo), listeningAt: agent.path("echo"), on: Self.group)
            let (stalled, _) = try await connect(agent.path("flood"), autoRead: false)
            // Once the server has stopped, what lies between is full.
            #expect(
                await eventually {
                    let before = Flood.count
                    try? await Task.sleep(for: .milliseconds(300))
                    return before > 0 && Flood.count == before
                })
            #expect(Flood.count < 64 << 20)
            let (client, collector) = try await connect(agent.path("echo"))
            try await client.writeAndFlush(ByteBuffer(string: "x"))
            #expect(await eventually { collector.text == "x" })
            try? await client.close()
            try? await stalled.close()
            await forward.close()
            await other.close()
            try await echo.close()
            try await flood.close()
        }
    }

    /// Writes without end, as much as is taken.
    private final class Flood: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer
        private static let sent = Locked(0)
        static var count: Int { sent.withLock(\.self) }

        func channelActive(context: ChannelHandlerContext) { write(context) }
        func channelWritabilityChanged(context: ChannelHandlerContext) { write(context) }

        private func write(_ context: ChannelHandlerContext) {
            while context.channel.isActive, context.channel.isWritable {
                Flood.sent.withLock { $0 += 65_536 }
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(repeating: 0, count: 65_536)), promise: nil)
            }
        }
    }

    @Test("closing, letting go, and the session's end close everything", arguments: ["close", "let go", "session"])
    func ends(how: String) async throws {
        try await RealAgent.run { agent in
            let server = try await listen { Echo() }
            var forward: AgentPortForward? = try await agent.connection.forward(
                port: port(server), listeningAt: agent.path("s"), on: Self.group)
            let (client, collector) = try await connect(agent.path("s"))
            try await client.writeAndFlush(ByteBuffer(string: "x"))
            #expect(await eventually { collector.text == "x" })
            switch how {
            case "close": await forward?.close()
            case "let go": break
            default: agent.connection.close()
            }
            if how == "let go" { forward = nil }
            #expect(await eventually { collector.isOver })
            #expect(await eventually { access(agent.path("s"), F_OK) != 0 })
            await #expect(throws: (any Error).self) { _ = try await connect(agent.path("s")) }
            try? await client.close()
            try await server.close()
            _ = forward
        }
    }
}
#endif
