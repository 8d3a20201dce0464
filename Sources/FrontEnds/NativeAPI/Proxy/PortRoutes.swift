import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// `/v1/sandboxes/{id}/ports/{port}/…`: whatever listens on a port inside a sandbox.
struct PortRoutes: Sendable {
    let engine: Engine
    let connections: Connections
    let ports: PortClient
    let timeout: Duration
    let patience: Duration

    func add(to routes: RouterGroup<CallerContext>) {
        for endpoint in [Endpoint.port, .portPath] {
            for method in endpoint.methods { routes.on(endpoint, method, use: pass) }
        }
    }

    private func pass(_ request: Request, _ context: CallerContext) async throws -> Response {
        let address = try PortAddress(
            sandbox: try context.sandboxID, port: context.parameters.get("port"), path: request.head.path ?? "")
        if !address.target.hasPrefix("/"), request.method == .get || request.method == .head {
            // Or the relative links of the page would lead out of the port.
            return Response(status: .permanentRedirect, headers: [.location: "\(address.prefix)/\(address.target)"])
        }
        let endpoint = try await engine.endpoint(of: address.sandbox, port: address.port, for: context.principal)
        let client = connections.client(of: context.channel, patience: patience)
        guard let server = UpgradeAddress(endpoint.url) else {
            throw Problem(.providerFailed, "the port has an address of an unknown kind")
        }
        // A server on this machine is asked for by the name under which it is reached inside; another one by its own.
        let host: String = if case .unixSocket = server { "localhost:\(address.port)" } else { server.authority }
        let headers = PortHeaders.request(
            request.head, to: endpoint, host: host, prefix: address.prefix, client: context.channel.remoteAddress?.ipAddress)
        let target = address.target.hasPrefix("/") ? address.target : "/" + address.target
        if WebSocketUpgrade.isAskedFor(by: request.head) {
            let base = PortRoutes.withoutSlash(endpoint.url.path(percentEncoded: true))
            let head = PortRoutes.handshake(headers, target: base + target)
            let connection = try await client.whilePresent { try await PortSocket.open(head, to: server, timeout: timeout) }
            return PortSocket(connection: connection, client: client, prefix: address.prefix).response(to: request)
        }
        var outgoing = HTTPClientRequest(url: PortRoutes.withoutSlash(endpoint.url.absoluteString) + target)
        outgoing.method = HTTPMethod(rawValue: request.method.rawValue)
        outgoing.headers = headers
        return try await exchange(outgoing, request, client, prefix: address.prefix)
    }

    private func exchange(
        _ outgoing: HTTPClientRequest, _ request: Request, _ client: ClientPresence, prefix: String
    ) async throws -> Response {
        var outgoing = outgoing
        let upload = PortRoutes.hasBody(request.head) ? UploadPump(request.body) : nil
        if let upload {
            let length = request.headers[.contentLength].flatMap { Int64($0) }
            outgoing.body = .stream(upload.bytes, length: length.map { .known($0) } ?? .unknown)
        }
        do {
            let whole = outgoing
            let answer = try await client.whilePresent { try await ports.execute(whole, uploading: upload) }
            return PortResponse(answer: answer, upload: upload, client: client, prefix: prefix).response()
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
