import AsyncHTTPClient
import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import NIOCore
import NIOHTTP1
package import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Passes requests on to whatever listens on a port inside a sandbox, WebSockets too.
package struct PortProxy: Sendable {
    let connections: Connections
    let client: PortClient
    /// How long the port may take to take the next part of a request, or to begin its answer.
    let timeout: Duration
    /// How long what is under way goes on after the gateway was asked to stop.
    let patience: Duration

    /// A place below a port.
    package struct Target: Sendable {
        /// Where the port is reached.
        package var endpoint: SandboxEndpoint
        /// Its number inside the sandbox.
        package var port: Int
        /// The path and the query that the port's server is asked for.
        package var path: String
        /// The path below which the client finds the port; empty if the port has an origin of its own.
        package var prefix: String
        /// The name by which the port's server is asked for; `nil` for the usual one.
        package var host: String?

        package init(endpoint: SandboxEndpoint, port: Int, path: String, prefix: String = "", host: String? = nil) {
            self.endpoint = endpoint
            self.port = port
            self.path = path
            self.prefix = prefix
            self.host = host
        }
    }

    /// Passes `request` on, and gives the answer as it comes.
    ///
    /// - Parameter channel: the connection of the client.
    /// - Throws: ``Problem``: of kind `portUnreachable` or `portTimedOut` if nothing answers.
    package func pass(_ request: Request, from channel: any Channel, to target: Target) async throws -> Response {
        let client = connections.client(of: channel, patience: patience)
        guard let server = UpgradeAddress(target.endpoint.url) else {
            throw Problem(.providerFailed, "the port has an address of an unknown kind")
        }
        // A server on this machine is asked for by the name under which it is reached inside; another one by its own.
        let ownHost: String = if case .unixSocket = server { "localhost:\(target.port)" } else { server.authority }
        let headers = PortHeaders.request(
            request.head, to: target.endpoint, host: target.host ?? ownHost, prefix: target.prefix, client: channel.remoteAddress?.ipAddress
        )
        let path = target.path.hasPrefix("/") ? target.path : "/" + target.path
        if WebSocketUpgrade.isAskedFor(by: request.head) {
            let base = PortProxy.withoutSlash(target.endpoint.url.path(percentEncoded: true))
            let head = PortProxy.handshake(headers, target: base + path)
            let connection = try await client.whilePresent { try await PortSocket.open(head, to: server, timeout: timeout) }
            return PortSocket(connection: connection, client: client, prefix: target.prefix).response(to: request)
        }
        var outgoing = HTTPClientRequest(url: PortProxy.withoutSlash(target.endpoint.url.absoluteString) + path)
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        outgoing.headers = headers
        return try await exchange(outgoing, request, client, prefix: target.prefix)
    }

    private func exchange(
        _ outgoing: HTTPClientRequest, _ request: Request, _ presence: ClientPresence, prefix: String
    ) async throws -> Response {
        var outgoing = outgoing
        let upload = PortProxy.hasBody(request.head) ? UploadPump(request.body) : nil
        if let upload {
            let length = request.headers[.contentLength].flatMap { Int64($0) }
            outgoing.body = .stream(upload.bytes, length: length.map { .known($0) } ?? .unknown)
        }
        do {
            let whole = outgoing
            let answer = try await presence.whilePresent { try await client.execute(whole, uploading: upload) }
            return PortResponse(answer: answer, upload: upload, client: presence, prefix: prefix).response()
        } catch var problem as Problem {
            // Nobody may read on behind the body while the pump does.
            await upload?.stop()
            if let upload, !upload.isComplete { problem.headers[.connection] = "close" }
            throw problem
        } catch {
            await upload?.stop()
            throw error
        }
    }

    private static func hasBody(_ head: HTTPRequest) -> Bool {
        // The answer to HEAD is made without its body, by which the pump would be ended.
        guard head.method != .head else { return false }
        return head.headerFields[.transferEncoding] != nil || head.headerFields[.contentLength].map { $0 != "0" } ?? false
    }

    private static func handshake(_ headers: HTTPHeaders, target: String) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: target, headers: headers)
        head.headers.add(name: "Connection", value: "Upgrade")
        head.headers.add(name: "Upgrade", value: "websocket")
        return head
    }

    private static func withoutSlash(_ text: String) -> String { text.hasSuffix("/") ? String(text.dropLast()) : text }
}
