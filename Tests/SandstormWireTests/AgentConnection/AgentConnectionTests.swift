import NIOCore
import NIOPosix
import SandstormCore
import Testing

@testable import SandstormWire

@Suite("Agent connection over a socket")
struct AgentConnectionTests {
    /// The agent's end of a connection, played by the test.
    private struct Peer {
        let connection: AgentConnection
        let channel: any Channel
        let heard: EventLoopFuture<Void>

        /// Answers the first `start`, once it is there: an answer to what was not asked is dropped.
        func answerStart() async throws {
            try await heard.get()
            try await say(.started(pid: 5), on: 1)
        }

        func say(_ message: AgentMessage, on id: UInt32) async throws {
            try await say(bytes: AgentFrame(channel: id, message: message).encoded())
        }

        func say(bytes: [UInt8]) async throws {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
        }
    }

    /// Tells of the first bytes.
    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: EventLoopPromise<Void>

        init(_ heard: EventLoopPromise<Void>) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { heard.succeed() }
    }

    /// Listens, connects, says `greeting`.
    private func open(greeting: [UInt8]?, within deadline: Duration = .seconds(10)) async throws -> Peer {
        let group = MultiThreadedEventLoopGroup.singleton
        let accepted = group.next().makePromise(of: (any Channel).self)
        let heard = group.next().makePromise(of: Void.self)
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                accepted.succeed(channel)
                if let greeting { channel.writeAndFlush(ByteBuffer(bytes: greeting), promise: nil) }
                channel.closeFuture.whenComplete { _ in heard.fail(ChannelError.alreadyClosed) }
                return channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Ear(heard)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)
        do {
            let connection = try await AgentConnection.open(within: deadline) { initializer in
                ClientBootstrap(group: group).channelInitializer(initializer).connect(to: address)
            }
            try await server.close().get()
            return Peer(connection: connection, channel: try await accepted.futureResult.get(), heard: heard.futureResult)
        } catch {
            accepted.fail(error)
            heard.fail(error)
            try? await server.close().get()
            throw error
        }
    }

    private var hello: [UInt8] { get throws { try AgentFrame(channel: 0, message: .hello(.fixture)).encoded() } }

    @Test("opens with the hello")
    func hello() async throws {
        let peer = try await open(greeting: hello)
        #expect(peer.connection.hello == .fixture)
        #expect(peer.connection.endReason == nil)
        peer.connection.close()
        await peer.connection.waitUntilClosed()
        #expect(peer.connection.endReason?.code == .interrupted)
    }

    @Test("gives up on an agent that says nothing")
    func silence() async throws {
        let error = await #expect(throws: ProviderError.self) { _ = try await open(greeting: nil, within: .milliseconds(50)) }
        #expect(error?.code == .timedOut)
    }

    @Test("gives up when its task is cancelled")
    func cancelledOpening() async throws {
        let task = Task { _ = try await open(greeting: nil, within: .seconds(600)) }
        task.cancel()
        await #expect(throws: ProviderError.self) { try await task.value }
    }

    @Test(
        "whatever is no frame closes the connection",
        arguments: [
            [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0], [0, 0, 0, 5, 0x11, 0, 0, 0, 1], [0, 0, 0, 6, 0x18, 0, 0, 0, 1, 9],
        ] as [[UInt8]])
    func malformed(bytes: [UInt8]) async throws {
        let peer = try await open(greeting: hello)
        try await peer.say(bytes: bytes)
        await peer.connection.waitUntilClosed()
        #expect(peer.connection.endReason?.message.contains("protocol") == true)
        await #expect(throws: ProviderError.self) { _ = try await peer.connection.start(Command(["x"])) }
    }

    @Test("random bytes never trap", arguments: 0..<50)
    func noise(seed: UInt64) async throws {
        let peer = try await open(greeting: hello)
        var state = seed &+ 1
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        // Plausible headers, so that the payloads are reached.
        var bytes: [UInt8] = []
        for _ in 0..<50 {
            let payload = (0..<Int(next() % 40)).map { _ in UInt8(truncatingIfNeeded: next()) }
            bytes += [0, 0, 0, UInt8(payload.count + 5), UInt8(next() % 0x36), 0, 0, 0, UInt8(next() % 3)] + payload
        }
        _ = Task { try? await peer.connection.start(Command(["x"])) }
        try? await peer.say(bytes: bytes)
        try? await peer.channel.close().get()
        await peer.connection.waitUntilClosed()
        #expect(peer.connection.endReason != nil)
    }

    @Test("a wait ends when its task is cancelled, and the process can still be read")
    func cancelledWait() async throws {
        let peer = try await open(greeting: hello)
        async let starting = peer.connection.start(Command(["x"]))
        try await peer.answerStart()
        let process = try await starting
        var iterator = process.events.makeAsyncIterator()
        #expect(try await iterator.next() == .started(pid: 5))
        let waiting = Task {
            var iterator = process.events.makeAsyncIterator()
            return try await iterator.next()
        }
        waiting.cancel()
        await #expect(throws: ProviderError.self) { _ = try await waiting.value }
        let writing = Task { try await process.write(ByteBuffer(repeating: 0, count: 1 << 20)) }
        writing.cancel()
        await #expect(throws: ProviderError.self) { try await writing.value }
        try await peer.say(.stdout([1]), on: 1)
        #expect(try await iterator.next() == .stdout(ByteBuffer(bytes: [1])))
        peer.connection.close()
    }

    @Test("letting the connection and its processes go closes the channel")
    func letGo() async throws {
        let channel: any Channel
        do {
            let peer = try await open(greeting: hello)
            channel = peer.channel
        }
        try await channel.closeFuture.get()
    }

    @Test("when the agent leaves, everything that waits is told")
    func agentLeaves() async throws {
        let peer = try await open(greeting: hello)
        async let starting = peer.connection.start(Command(["x"]))
        try await peer.answerStart()
        let process = try await starting
        var iterator = process.events.makeAsyncIterator()
        _ = try await iterator.next()
        let reading = Task { try await peer.connection.read("/f", upTo: 10) }
        let second = Task { try await peer.connection.start(Command(["y"])) }
        try await peer.channel.close().get()
        let cut = await #expect(throws: ProviderError.self) { _ = try await iterator.next() }
        #expect(cut?.code == .interrupted)
        #expect(cut?.afterStart == true)
        let unstarted = await #expect(throws: ProviderError.self) { _ = try await second.value }
        #expect(unstarted?.code == .interrupted)
        #expect(unstarted?.afterStart == false)
        await #expect(throws: ProviderError.self) { _ = try await reading.value }
    }
}
