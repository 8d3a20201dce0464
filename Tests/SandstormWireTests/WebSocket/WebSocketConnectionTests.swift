import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Both ends of a WebSocket") struct WebSocketConnectionTests {
    private static var quick: WebSocketConnection.Limits {
        var limits = WebSocketConnection.Limits()
        limits.closeTime = .milliseconds(300)
        return limits
    }

    /// Bytes from one end to the other.
    private struct Pipe: AsyncSequence, Sendable {
        let queue = BoundedQueue<ByteBuffer>(limit: 1024) { $0.readableBytes }
        let count = Locked(0)

        func makeAsyncIterator() -> Iterator { Iterator(pipe: self) }

        struct Iterator: AsyncIteratorProtocol {
            let pipe: Pipe
            mutating func next() async throws -> ByteBuffer? { await pipe.queue.take() }
        }

        func write(_ bytes: ByteBuffer) async throws {
            count.withLock { $0 += bytes.readableBytes }
            guard await queue.put(bytes) else { throw ChannelError.ioOnClosedChannel }
        }
    }

    /// Runs both ends until both are over; returns why each was.
    private func run(
        _ limits: WebSocketConnection.Limits = quick,
        client: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose,
        server: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose
    ) async -> (client: WebSocketClose, server: WebSocketClose) {
        let (up, down) = (Pipe(), Pipe())
        let abort: @Sendable () -> Void = {
            up.queue.abandon()
            down.queue.abandon()
        }
        async let clientEnd = WebSocketConnection(role: .client, limits: limits, abort: abort).run(
            reading: down, writing: { try await up.write($0) }, client)
        async let serverEnd = WebSocketConnection(role: .server, limits: limits, abort: abort).run(
            reading: up, writing: { try await down.write($0) }, server)
        return await (clientEnd, serverEnd)
    }

    /// One end against bytes that the test says.
    private func serve(
        _ limits: WebSocketConnection.Limits = quick, _ body: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose,
        _ test: @Sendable (_ up: BoundedQueue<ByteBuffer>, _ down: BoundedQueue<ByteBuffer>) async throws -> Void
    ) async rethrows -> WebSocketClose {
        let (up, down) = (Pipe(), Pipe())
        async let end = WebSocketConnection(role: .server, limits: limits) {
            up.queue.abandon()
            down.queue.abandon()
        }.run(reading: up, writing: { try await down.write($0) }, body)
        try await test(up.queue, down.queue)
        return await end
    }

    private static let echo: @Sendable (WebSocketConnection) async -> WebSocketClose = { socket in
        while let message = await socket.receive() { guard await socket.send(message) else { break } }
        return WebSocketClose(.normal)
    }

    @Test func `messages come back as they were, and the closing end says why`() async {
        let received = Locked<[WebSocketMessage]>([])
        let messages: [WebSocketMessage] = (0..<500).map { number in
            number.isMultiple(of: 2) ? .text("message \(number)") : .binary(ByteBuffer(repeating: UInt8(number & 255), count: number * 7))
        }
        let ends = await run(
            client: { socket in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { for message in messages { _ = await socket.send(message) } }
                    for _ in messages { if let message = await socket.receive() { received.withLock { $0.append(message) } } }
                }
                return WebSocketClose(.normal, "that was all")
            }, server: WebSocketConnectionTests.echo)
        #expect(received.withLock { $0 } == messages)
        #expect(ends.client == WebSocketClose(.normal, "that was all"))
        #expect(ends.server == WebSocketClose(.normal, "that was all"))
    }

    @Test func `a body that runs for ever is cancelled when the peer closes`() async {
        let ends = await run(
            client: { _ in WebSocketClose(.goingAway) },
            server: { _ in
                try? await Task.sleep(for: .seconds(3600))
                return WebSocketClose(.normal)
            })
        #expect(ends.server.code == .goingAway)
    }

    @Test func `a peer that does not receive stalls the sender within bounds`() async {
        let sent = Locked(0)
        let ends = await run(
            client: { socket in
                let message = WebSocketMessage.binary(ByteBuffer(repeating: 1, count: 16 * 1024))
                for _ in 0..<100_000 {
                    guard await socket.send(message) else { break }
                    sent.withLock { $0 += 1 }
                }
                return WebSocketClose(.normal)
            },
            server: { _ in
                var last = -1
                while last != sent.withLock({ $0 }) {
                    last = sent.withLock { $0 }
                    try? await Task.sleep(for: .milliseconds(100))
                }
                return WebSocketClose(.policyViolation)
            })
        // Two buffers of 64 KiB, and what is in hand between them.
        #expect(sent.withLock { $0 } <= 20)
        #expect(ends.client.code == .policyViolation)
    }

    @Test func `pings are answered while the body does something else`() async throws {
        let end = try await serve(
            WebSocketConnectionTests.quick,
            { _ in
                try? await Task.sleep(for: .seconds(3600))
                return WebSocketClose(.normal)
            },
            { up, down in
                var buffer = ByteBuffer()
                WebSocketFrameEncoder(role: .client).encodePing(ByteBuffer(string: "p"), into: &buffer)
                _ = await up.put(buffer)
                var decoder = WebSocketFrameDecoder(role: .client, limit: 100)
                decoder.append(try #require(await down.take()))
                #expect(try decoder.next() == .pong(ByteBuffer(string: "p")))
                up.finish()
            })
        #expect(end.code == .abnormal)
    }

    @Test func `a peer that only pings and never reads costs a bounded amount`() async {
        let end = await serve(
            WebSocketConnectionTests.quick, WebSocketConnectionTests.echo,
            { up, _ in
                for _ in 0..<20_000 {
                    var buffer = ByteBuffer()
                    WebSocketFrameEncoder(role: .client).encodePing(ByteBuffer(repeating: 0, count: 125), into: &buffer)
                    _ = await up.put(buffer)
                }
                up.finish()
            })
        #expect(end.code == .abnormal)
    }

    @Test func `a broken frame is told its code, and the end does not wait for ever`() async throws {
        let end = try await serve(
            WebSocketConnectionTests.quick, WebSocketConnectionTests.echo,
            { up, down in
                _ = await up.put(ByteBuffer(bytes: [0x81, 0x01, 0x61]))
                var decoder = WebSocketFrameDecoder(role: .client, limit: 100)
                decoder.append(try #require(await down.take()))
                guard case .close(let close)? = try decoder.next() else { throw CancellationError() }
                #expect(close.code == .protocolError)
            })
        #expect(end.code == .protocolError)
    }

    @Test func `a silent peer is given up, a stalled one is not`() async {
        var limits = WebSocketConnectionTests.quick
        limits.pingInterval = .milliseconds(20)
        limits.silence = .milliseconds(200)
        let silent = await serve(limits, WebSocketConnectionTests.echo, { _, _ in })
        #expect(silent.code == .policyViolation)
        // The body takes nothing for longer than the peer may be silent: what it can't say is not held against it.
        limits.buffer = 10
        let stalled = await serve(
            limits,
            { socket in
                try? await Task.sleep(for: .milliseconds(800))
                return await socket.receive() == nil ? WebSocketClose(.internalError) : WebSocketClose(.normal)
            },
            { up, _ in
                var buffer = ByteBuffer()
                let encoder = WebSocketFrameEncoder(role: .client)
                for _ in 0..<4 { encoder.encode(.text("more than may wait"), into: &buffer) }
                _ = await up.put(buffer)
            })
        #expect(stalled.code == .normal)
    }

    @Test func `living peers stay`() async {
        var limits = WebSocketConnectionTests.quick
        limits.pingInterval = .milliseconds(20)
        limits.silence = .seconds(20)
        let ends = await run(
            limits,
            client: { socket in
                try? await Task.sleep(for: .milliseconds(300))
                return WebSocketClose(.normal)
            }, server: WebSocketConnectionTests.echo)
        #expect(ends.client.code == .normal)
    }
}
