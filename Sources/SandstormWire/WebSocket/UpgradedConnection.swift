package import NIOCore
package import NIOHTTP1
import NIOPosix
package import NIOSSL

/// A connection whose server was asked to speak something else than HTTP on it.
///
/// If the server agreed, reading and writing are of raw bytes; if not, reading gives the body of its answer. Nothing is read from the network
/// until it is asked for, and writing waits until the bytes are with the operating system. Letting go of it closes it.
package final class UpgradedConnection: Sendable {
    /// The server's answer; 101 if it agreed.
    package let head: HTTPResponseHead
    private let channel: any Channel
    private let handler: NIOLoopBound<UpgradeRequestHandler>

    /// Why there is no answer.
    package enum Failure: Error, Hashable, Sendable {
        /// Nothing listens there, or it can't be reached.
        case unreachable(String)
        /// No answer in time.
        case timedOut
        /// The connection ended before an answer, or the answer is no HTTP.
        case broken(String)
    }

    private init(head: HTTPResponseHead, channel: any Channel, handler: NIOLoopBound<UpgradeRequestHandler>) {
        self.head = head
        self.channel = channel
        self.handler = handler
    }

    deinit { channel.close(promise: nil) }

    /// Sends a request that asks for an upgrade, and waits for the head of the answer.
    ///
    /// - Parameters:
    ///   - request: with all its header fields; it has no body.
    ///   - tls: for addresses that are secure; `nil` for the usual.
    ///   - timeout: for everything up to the answer's head.
    package static func open(
        _ request: HTTPRequestHead, to address: UpgradeAddress, tls: TLSConfiguration? = nil, timeout: Duration
    ) async throws(Failure) -> UpgradedConnection {
        let timeAmount = TimeAmount(timeout)
        let channel: any Channel
        let bound: NIOLoopBound<UpgradeRequestHandler>
        let answer: EventLoopFuture<HTTPResponseHead>
        do {
            (channel, bound, answer) = try await connect(to: address, tls: tls, timeout: timeAmount)
        } catch let error as NIOConnectionError {
            throw .unreachable("\(error.host):\(error.port): \(error.connectionErrors.first.map { "\($0.error)" } ?? "no address")")
        } catch {
            throw .unreachable("\(error)")
        }
        let timer = channel.eventLoop.scheduleTask(in: timeAmount) { bound.value.giveUp(Failure.timedOut) }
        defer { timer.cancel() }
        do {
            let head = try await withTaskCancellationHandler {
                channel.write(HTTPClientRequestPart.head(request), promise: nil)
                channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
                return try await answer.get()
            } onCancel: {
                channel.close(promise: nil)
            }
            return UpgradedConnection(head: head, channel: channel, handler: bound)
        } catch let failure as Failure {
            channel.close(promise: nil)
            throw failure
        } catch {
            channel.close(promise: nil)
            throw .broken("\(error)")
        }
    }

    private static func connect(
        to address: UpgradeAddress, tls: TLSConfiguration?, timeout: TimeAmount
    ) async throws -> (any Channel, NIOLoopBound<UpgradeRequestHandler>, EventLoopFuture<HTTPResponseHead>) {
        var context: (NIOSSLContext, String?)?
        if case .host(let host, _, isSecure: true) = address {
            // A certificate names hosts; a numeric address is no name that could be asked for.
            let isNumeric = (try? SocketAddress(ipAddress: host, port: 0)) != nil
            context = (try NIOSSLContext(configuration: tls ?? .makeClientConfiguration()), isNumeric ? nil : host)
        }
        let secure = context
        let bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(timeout)
            .channelOption(ChannelOptions.autoRead, value: false)
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
        let setUp: @Sendable (any Channel) -> EventLoopFuture<(any Channel, NIOLoopBound<UpgradeRequestHandler>)> = { channel in
            channel.eventLoop.makeCompletedFuture {
                let pipeline = channel.pipeline.syncOperations
                if let (context, hostname) = secure {
                    try pipeline.addHandler(try NIOSSLClientHandler(context: context, serverHostname: hostname))
                }
                let encoder = HTTPRequestEncoder()
                var limits = NIOHTTPDecoderLimitConfiguration()
                limits.maxHeaderListSize = 80 * 1024
                let decoder = ByteToMessageHandler(
                    HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
                let handler = UpgradeRequestHandler(eventLoop: channel.eventLoop, encoder: encoder, decoder: decoder)
                try pipeline.addHandler(encoder)
                try pipeline.addHandler(decoder)
                try pipeline.addHandler(handler)
                return (channel, NIOLoopBound(handler, eventLoop: channel.eventLoop))
            }
        }
        let (channel, handler) =
            switch address {
            case .host(let host, let port, _): try await bootstrap.connect(host: host, port: port, channelInitializer: setUp)
            case .unixSocket(let path): try await bootstrap.connect(unixDomainSocketPath: path, channelInitializer: setUp)
            }
        let answer = channel.eventLoop.flatSubmit { handler.value.answer.futureResult }
        return (channel, handler, answer)
    }

    /// Waits for bytes; `nil` at their end, or when the task is cancelled. One reader.
    package func read() async throws -> ByteBuffer? {
        let handler = handler
        return try await withTaskCancellationHandler {
            try await channel.eventLoop.flatSubmit { handler.value.read() }.get()
        } onCancel: {
            channel.eventLoop.execute { handler.value.stopReading() }
        }
    }

    /// Writes bytes, and waits until they are with the operating system.
    package func write(_ bytes: ByteBuffer) async throws { try await channel.writeAndFlush(bytes).get() }

    /// Says that nothing more is written; reading goes on.
    package func finishWriting() async { try? await channel.close(mode: .output).get() }

    /// Ends the connection at once.
    package func close() { channel.close(promise: nil) }

    /// What is read, as a sequence. One reader.
    package var bytes: Bytes { Bytes(connection: self) }

    package struct Bytes: AsyncSequence, Sendable {
        let connection: UpgradedConnection

        package func makeAsyncIterator() -> Iterator { Iterator(connection: connection) }

        package struct Iterator: AsyncIteratorProtocol {
            let connection: UpgradedConnection

            package mutating func next() async throws -> ByteBuffer? { try await connection.read() }
        }
    }
}
