import Hummingbird
import HummingbirdCore
import HummingbirdHTTP2
import Logging
import NIOCore
import NIOHTTPTypes
import NIOSSL
import NIOTLS

/// The connections of the listener with TLS: HTTP/2 for clients that offer it, else what ``APIChannel`` speaks.
struct TLSChannel: ServerChildChannel {
    enum Negotiated: Sendable {
        case http1(APIChannel.Value)
        case http2(HTTP2Channel.Value)
    }

    struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        let channel: any Channel
    }

    private let context: NIOSSLContext
    private let connections: Connections
    private let http1: APIChannel
    private let http2: HTTP2Channel
    private let handshakeTimeout: TimeAmount

    init(context: NIOSSLContext, http1: APIChannel) {
        self.context = context
        var http1 = http1
        http1.isSecure = true
        self.http1 = http1
        let (frontEnds, connections, configuration) = (http1.frontEnds, http1.connections, http1.configuration)
        self.connections = connections
        handshakeTimeout = .init(configuration.idleTimeout)
        http2 = HTTP2Channel(
            responder: http1.responder,
            configuration: .init(
                idleTimeout: configuration.idleTimeout, gracefulCloseTimeout: configuration.drainTime,
                streamConfiguration: .init(
                    additionalChannelHandlers: [
                        ConnectionHandler(frontEnds: frontEnds, connections: connections, configuration: configuration, isStream: true)
                    ], idleTimeout: TimeAmount(configuration.idleTimeout))))
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.probeAndPace()
        // Until the first request only this list knows the connection: it is closed with the others when the server's patience ends.
        _ = connections.add(channel)
        let connections = connections
        channel.closeFuture.whenComplete { _ in connections.remove(channel) }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(NIOSSLServerHandler(context: context))
            let alpn = NIOTypedApplicationProtocolNegotiationHandler<Negotiated> { result in
                switch result {
                case .negotiated("h2"): http2.setup(channel: channel, logger: logger).map { .http2($0) }
                default: http1.setup(channel: channel, logger: logger).map { .http1($0) }
                }
            }
            try pipeline.addHandler(alpn)
            // A client that never finishes its handshake holds a connection.
            let timer = channel.eventLoop.scheduleTask(in: handshakeTimeout) { channel.close(promise: nil) }
            alpn.protocolNegotiationResult.whenComplete { _ in timer.cancel() }
            return Value(negotiated: alpn.protocolNegotiationResult, channel: channel)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http1(let channel): await http1.handle(value: channel, logger: logger)
            case .http2(let channel): await http2.handle(value: channel, logger: logger)
            }
        } catch {
            logger.debug("TLS handshake failed", metadata: ["error.message": "\(error)"])
            value.channel.close(promise: nil)
        }
    }
}
