package import HTTPTypes
import Hummingbird
package import HummingbirdCore
import NIOCore
package import SandstormWire

/// A request that asks for a WebSocket, in the form of RFC 6455.
package struct WebSocketUpgrade: Sendable {
    private let accept: String
    /// The one of the offered subprotocols that is spoken; `nil` if none is.
    package let subprotocol: String?

    /// Reads the handshake.
    ///
    /// - Parameter subprotocols: those that can be spoken, best first.
    /// - Throws: ``Problem`` of kind `upgradeRequired` or `invalidHeader`.
    package init(_ request: Request, subprotocols: [String] = []) throws(Problem) {
        guard WebSocketUpgrade.isAskedFor(by: request.head) else {
            throw Problem(.upgradeRequired, "this is a WebSocket; send Connection: Upgrade and Upgrade: websocket, and no body")
        }
        guard request.headers[.webSocketVersion] == WebSocketHandshake.version else {
            throw Problem(.upgradeRequired, "only version \(WebSocketHandshake.version) of the WebSocket protocol is spoken")
        }
        guard let key = request.headers[.webSocketKey], WebSocketHandshake.isKey(key) else {
            throw Problem(.invalidHeader, "Sec-WebSocket-Key is not 16 bytes in base64")
        }
        accept = WebSocketHandshake.accept(key)
        let offered = OfferedSubprotocols(request.headers)
        subprotocol = subprotocols.first { offered.names.contains($0) } ?? offered.fallback
    }

    /// Whether a request asks for a WebSocket, rightly or wrongly.
    package static func isAskedFor(by head: HTTPRequest) -> Bool {
        head.method == .get && head.headerFields[.contentLength] == nil && head.headerFields[.transferEncoding] == nil
            && head.headerFields[.upgrade].map { UpgradeHandler.hasToken("websocket", in: $0) } ?? false
            && head.headerFields[.connection].map { UpgradeHandler.hasToken("upgrade", in: $0) } ?? false
    }

    /// The response that makes `request`'s connection a WebSocket.
    ///
    /// - Parameters:
    ///   - client: the socket is closed with 1001 when its patience with the gateway's stopping ends.
    ///   - body: what is done on the socket, until it returns why it is to be closed; cancelled if the client closes it before.
    package func response(
        to request: Request, from client: ClientPresence, limits: WebSocketConnection.Limits,
        _ body: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose
    ) -> Response {
        var headers: HTTPFields = [.connection: "Upgrade", .upgrade: "websocket", .webSocketAccept: accept]
        headers[.webSocketProtocol] = subprotocol
        let bytes = request.body
        return Response(
            status: .switchingProtocols, headers: headers,
            body: ResponseBody { writer in
                let socket = WebSocketConnection(role: .server, limits: limits) { client.channel.close(promise: nil) }
                _ = await socket.run(reading: bytes, writing: { try await writer.write($0) }) { socket in
                    await WebSocketUpgrade.untilStopping(client) { await body(socket) }
                }
                try await writer.finish(nil)
            })
    }

    private static func untilStopping(
        _ client: ClientPresence, _ body: @escaping @Sendable () async -> WebSocketClose
    ) async -> WebSocketClose {
        await withTaskGroup(of: WebSocketClose?.self) { group in
            group.addTask { await body() }
            group.addTask { await client.stopping() ? WebSocketClose(.goingAway, "the gateway is stopping") : nil }
            defer { group.cancelAll() }
            while let close = await group.next() { if let close { return close } }
            return WebSocketClose(.internalError)
        }
    }
}
