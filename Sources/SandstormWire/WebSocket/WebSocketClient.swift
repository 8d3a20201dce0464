package import NIOCore
package import NIOHTTP1
package import NIOSSL

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// Opens WebSockets.
package struct WebSocketClient: Sendable {
    package var limits = WebSocketConnection.Limits()
    /// For `wss`; `nil` for the usual.
    package var tls: TLSConfiguration?
    /// For connecting and the handshake together.
    package var timeout = Duration.seconds(30)

    package init() {}

    /// Why there is no WebSocket.
    package enum Failure: Error, Sendable {
        /// The URL is not one of `ws`, `wss`, `ws+unix`, or of HTTP.
        case invalidURL
        case connection(UpgradedConnection.Failure)
        /// The server does not want one: its answer, and the first bytes of that one's body.
        case refused(HTTPResponseHead, body: ByteBuffer)
        /// The server's answer to the handshake is wrong.
        case handshake(String)
    }

    /// The longest body of a refusal that is kept.
    private static let maximumRefusal = 64 * 1024

    /// Opens a socket, runs `body` with it and the subprotocol that the server chose, and closes it.
    ///
    /// - Parameters:
    ///   - headers: beside those of the handshake.
    ///   - protocols: the subprotocols that are offered, best first.
    ///   - body: returns why the socket is to be closed; it is cancelled if the server closes it before.
    /// - Returns: why the socket ended.
    /// - Throws: ``Failure``; `body` did not run then.
    package func withConnection(
        to url: URL, headers: HTTPHeaders = [:], protocols: [String] = [],
        _ body: @escaping @Sendable (WebSocketConnection, _ subprotocol: String?) async -> WebSocketClose
    ) async throws(Failure) -> WebSocketClose {
        let (connection, subprotocol) = try await open(url, headers, protocols)
        defer { connection.close() }
        let socket = WebSocketConnection(role: .client, limits: limits) { connection.close() }
        return await socket.run(reading: connection.bytes, writing: { try await connection.write($0) }) { socket in
            await body(socket, subprotocol)
        }
    }

    private func open(
        _ url: URL, _ headers: HTTPHeaders, _ protocols: [String]
    ) async throws(Failure) -> (UpgradedConnection, subprotocol: String?) {
        guard let address = UpgradeAddress(url) else { throw .invalidURL }
        let key = WebSocketHandshake.key()
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: WebSocketClient.target(of: url), headers: headers)
        if !head.headers.contains(name: "Host") { head.headers.add(name: "Host", value: address.authority) }
        head.headers.replaceOrAdd(name: "Connection", value: "Upgrade")
        head.headers.replaceOrAdd(name: "Upgrade", value: "websocket")
        head.headers.replaceOrAdd(name: "Sec-WebSocket-Version", value: WebSocketHandshake.version)
        head.headers.replaceOrAdd(name: "Sec-WebSocket-Key", value: key)
        if !protocols.isEmpty { head.headers.replaceOrAdd(name: "Sec-WebSocket-Protocol", value: protocols.joined(separator: ", ")) }
        let connection: UpgradedConnection
        do throws(UpgradedConnection.Failure) {
            connection = try await UpgradedConnection.open(head, to: address, tls: tls, timeout: timeout)
        } catch {
            throw .connection(error)
        }
        let answer = connection.head
        guard answer.status == .switchingProtocols else { throw .refused(answer, body: await WebSocketClient.refusal(connection)) }
        guard answer.headers.first(name: "Sec-WebSocket-Accept") == WebSocketHandshake.accept(key),
            answer.headers.first(name: "Upgrade")?.lowercased() == "websocket"
        else { throw .handshake("the server's answer does not fit the handshake") }
        guard !answer.headers.contains(name: "Sec-WebSocket-Extensions") else {
            throw .handshake("the server chose an extension that was not offered")
        }
        let subprotocol = answer.headers.first(name: "Sec-WebSocket-Protocol")
        if let subprotocol, !protocols.contains(subprotocol) {
            throw .handshake("the server chose a subprotocol that was not offered")
        }
        return (connection, subprotocol)
    }

    private static func refusal(_ connection: UpgradedConnection) async -> ByteBuffer {
        var body = ByteBuffer()
        while body.readableBytes < maximumRefusal, var bytes = try? await connection.read() { body.writeBuffer(&bytes) }
        return body
    }

    /// Path and query, as the URL has them.
    private static func target(of url: URL) -> String {
        let path = url.path(percentEncoded: true)
        return (path.isEmpty ? "/" : path) + (url.query(percentEncoded: true).map { "?\($0)" } ?? "")
    }
}
