package import NIOCore
import NIOPosix
package import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A unix socket on this machine behind which a TCP port of a sandbox is.
///
/// It lasts until it is closed or let go of, or the session with the agent ends.
package final class AgentPortForward: Sendable {
    private struct State {
        var isClosed = false
        var listener: (any Channel)?
        var connections: [ObjectIdentifier: Task<Void, Never>] = [:]
        var watcher: Task<Void, Never>?
    }

    /// More at once are turned away: each takes a descriptor here and one in the sandbox.
    private static let mostConnections = 4096

    private let connection: AgentConnection
    private let port: UInt16
    private let path: String
    private let state = Locked(State())

    fileprivate init(_ connection: AgentConnection, port: UInt16, path: String) {
        self.connection = connection
        self.port = port
        self.path = path
    }

    deinit { _ = end() }

    fileprivate func listen(on group: any EventLoopGroup) async throws(ProviderError) {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    let reader = PortReader()
                    try channel.pipeline.syncOperations.addHandler(PortReaderHandler(reader))
                    guard let self, self.accept(channel, reader) else { throw ChannelError.ioOnClosedChannel }
                }
            }
        let listener: any Channel
        do {
            listener = try await bootstrap.bind(unixDomainSocketPath: path, cleanupExistingSocketFile: true).get()
        } catch {
            throw ProviderError(.unavailable, "port \(port) can't be forwarded: its socket can't be made", vendorDetail: "\(error)")
        }
        let mode = chmod(path, 0o600)
        let isClosed = state.withLock { state in
            if mode == 0 { state.listener = listener }
            return state.isClosed
        }
        guard mode == 0, !isClosed else {
            try? await listener.close().get()
            unlink(path)
            throw ProviderError(.unavailable, "port \(port) can't be forwarded: its socket can't be protected")
        }
        let watcher = Task { [connection, weak self] in
            await connection.waitUntilClosed()
            _ = self?.end()
        }
        state.withLock { $0.watcher = watcher }
    }

    /// Closes the socket and all connections through it. Returns when nothing of them is left. Idempotent.
    package func close() async {
        let (listener, connections) = end()
        try? await listener?.close().get()
        for task in connections { await task.value }
    }

    /// - Returns: what is on its way to its end.
    private func end() -> (listener: (any Channel)?, connections: [Task<Void, Never>]) {
        let (first, state) = state.withLock { state in
            defer { state.isClosed = true }
            return (!state.isClosed, state)
        }
        if first {
            state.watcher?.cancel()
            state.listener?.close(promise: nil)
            if state.listener != nil { unlink(path) }
        }
        for task in state.connections.values { task.cancel() }
        return (state.listener, Array(state.connections.values))
    }

    // MARK: Connections

    private func accept(_ channel: any Channel, _ reader: PortReader) -> Bool {
        state.withLock { state in
            guard !state.isClosed, state.connections.count < Self.mostConnections else { return false }
            let id = ObjectIdentifier(channel)
            state.connections[id] = Task { [connection, port, weak self] in
                await Self.serve(channel, reader, connection, port)
                _ = self?.state.withLock { $0.connections.removeValue(forKey: id) }
            }
            return true
        }
    }

    private static func serve(_ channel: any Channel, _ reader: PortReader, _ connection: AgentConnection, _ port: UInt16) async {
        // Whatever ends one way for good ends the other: a client that is gone, a server that is gone, the forward's own end.
        if let (stream, _) = try? await connection.openStream(.connect(port: port), isDuplex: true) {
            channel.closeFuture.whenComplete { _ in
                stream.cancel()
                // A channel that never became active does not become inactive either.
                reader.end(because: ProviderError(.interrupted, "the client is gone"))
            }
            await withTaskCancellationHandler {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { await upload(from: channel, reader, to: stream) }
                    group.addTask { await download(from: stream, to: channel) }
                }
            } onCancel: {
                channel.close(promise: nil)
                stream.cancel()
            }
        }
        try? await channel.close().get()
    }

    private static func upload(from channel: any Channel, _ reader: PortReader, to stream: AgentStream) async {
        do {
            while let bytes = try await reader.next(from: channel) { try await stream.write(bytes) }
            stream.end()
        } catch {
            channel.close(promise: nil)
        }
    }

    private static func download(from stream: AgentStream, to channel: any Channel) async {
        do {
            while let bytes = try await stream.next() { try await channel.writeAndFlush(bytes).get() }
            try await channel.close(mode: .output).get()
        } catch {
            channel.close(promise: nil)
        }
    }
}

extension AgentConnection {
    /// Lets a TCP port of the sandbox be reached through a unix socket of this machine, which only this user may open.
    ///
    /// Whether anything listens on the port shows at each connection: one that is refused inside is closed at once.
    ///
    /// - Parameter path: where the socket is made; what is there of an earlier one is replaced.
    package func forward(port: Int, listeningAt path: String, on group: any EventLoopGroup) async throws(ProviderError) -> AgentPortForward
    {
        guard let number = UInt16(exactly: port), number > 0 else { throw ProviderError(.invalid, "\(port) is no port") }
        if let endReason { throw endReason }
        let forward = AgentPortForward(self, port: number, path: path)
        try await forward.listen(on: group)
        return forward
    }
}

/// What a client sends, read piece by piece as it is asked for.
private final class PortReader: Sendable {
    private struct State {
        var pieces: CircularBuffer<ByteBuffer> = []
        var hasEnded = false
        var failure: ProviderError?
        var waiter: AgentWaiter<ByteBuffer?>?
    }

    private let state = Locked(State())

    /// Somebody waits for bytes that have not come.
    var isAwaited: Bool { state.withLock { $0.waiter != nil } }

    /// The next bytes; nil at the end.
    func next(from channel: any Channel) async throws(ProviderError) -> ByteBuffer? {
        let waiter = AgentWaiter<ByteBuffer?>()
        state.withLock { $0.waiter = waiter }
        // Only when nothing is left of the last read, which may have brought several pieces.
        if !deliver() { channel.eventLoop.execute { channel.read() } }
        return try await waiter.value {}
    }

    func append(_ bytes: ByteBuffer) {
        state.withLock { $0.pieces.append(bytes) }
        deliver()
    }

    func end(because failure: ProviderError? = nil) {
        state.withLock { state in
            guard !state.hasEnded else { return }
            state.hasEnded = true
            state.failure = failure
        }
        deliver()
    }

    /// - Returns: whether there was something for whoever waits.
    @discardableResult
    private func deliver() -> Bool {
        let news = state.withLock { state -> (AgentWaiter<ByteBuffer?>, Result<ByteBuffer?, ProviderError>)? in
            guard let waiter = state.waiter else { return nil }
            if let piece = state.pieces.popFirst() {
                state.waiter = nil
                return (waiter, .success(piece))
            }
            guard state.hasEnded else { return nil }
            state.waiter = nil
            return (waiter, state.failure.map { .failure($0) } ?? .success(nil))
        }
        guard let (waiter, result) = news else { return false }
        waiter.resolve(result)
        return true
    }
}

private final class PortReaderHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let reader: PortReader

    init(_ reader: PortReader) { self.reader = reader }

    func channelActive(context: ChannelHandlerContext) {
        // The agent's answer may be quicker than the loop that accepts, and NIO forgets a read that is asked for before the registration.
        if reader.isAwaited { context.read() }
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { reader.append(unwrapInboundIn(data)) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { reader.end() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        reader.end(because: ProviderError(.interrupted, "the client is gone"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
