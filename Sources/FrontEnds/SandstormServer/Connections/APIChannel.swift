import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// The connections of the server: HTTP/1.1, from which a response may take the connection over.
///
/// Unlike `HTTP1Channel` it keeps hold of the handlers that an upgrade takes out.
struct APIChannel: ServerChildChannel, HTTPChannelHandler {
    typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    let responder: HTTPChannelHandler.Responder
    let frontEnds: FrontEnds
    let connections: Connections
    let configuration: GatewayServer.Configuration
    /// The bytes pass through TLS before they come here.
    var isSecure = false

    /// The longest head of a request, all its fields together.
    private static let maximumHeadBytes = 80 * 1024
    private static let maximumFields = 256

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        if !isSecure { channel.probeAndPace() }
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            var limits = NIOHTTPDecoderLimitConfiguration()
            limits.maxHeaderFieldSize = APIChannel.maximumHeadBytes
            limits.maxHeaderListSize = APIChannel.maximumHeadBytes
            limits.maxHeaderFieldCount = APIChannel.maximumFields
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
            let codec = HTTP1ToHTTPServerCodec(secure: isSecure)
            let state = HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout, logger: logger)
            try pipeline.addHandler(encoder)
            try pipeline.addHandler(decoder)
            try pipeline.addHandler(codec)
            // The decoder last: what it still holds is handed on past the places of the others.
            try pipeline.addHandler(UpgradeHandler(removingForUpgrade: [state, codec, encoder, decoder]))
            try pipeline.addHandler(
                ConnectionHandler(frontEnds: frontEnds, connections: connections, configuration: configuration))
            try pipeline.addHandler(state)
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func handle(value: Value, logger: Logger) async { await handleHTTP(asyncChannel: value, logger: logger) }
}
