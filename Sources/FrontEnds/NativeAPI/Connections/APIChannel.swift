import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The connections of this API: HTTP/1.1, from which a response may take the connection over.
///
/// Unlike `HTTP1Channel` it keeps hold of the handlers that an upgrade takes out.
struct APIChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let connections: Connections
    let maximumBodyBytes: Int
    let idleTimeout: Duration
    let bodyTimeout: Duration
    let stallTimeout: Duration

    /// The longest head of a request, all its fields together.
    private static let maximumHeadBytes = 80 * 1024
    private static let maximumFields = 256

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = APIChannel.maximumHeadBytes
            limits.maxHeaderListSize = APIChannel.maximumHeadBytes
            limits.maxHeaderFieldCount = APIChannel.maximumFields
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
            let codec = HTTP1ToHTTPServerCodec(secure: false)
            let state = HTTPConnectionStateHandler(idleTimeout: idleTimeout, logger: logger)
            try pipeline.addHandler(encoder)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(codec)
            // The decoder last: what it still holds is handed on past the places of the others.
            try pipeline.addHandler(UpgradeHandler(removingForUpgrade: [state, codec, encoder, decoder]))
            try pipeline.addHandler(
                ConnectionHandler(
                    connections: connections, maximumBodyBytes: maximumBodyBytes, bodyTimeout: bodyTimeout, stallTimeout: stallTimeout))
            try pipeline.addHandler(state)
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}
