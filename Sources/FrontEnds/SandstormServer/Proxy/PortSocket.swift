import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormWire

/// A WebSocket between a client and a sandbox's port: after the handshake the gateway only carries bytes.
struct PortSocket: Sendable {
    let connection: UpgradedConnection
    let client: ClientPresence
    let prefix: String

    /// How long one side may go on after the other has said that it is done.
    private static let lingerTime = Duration.seconds(5)

    /// Passes the handshake on to the port's server and waits for its answer.
    ///
    /// - Throws: ``Problem`` of kind `portUnreachable` or `portTimedOut`.
    static func open(_ head: HTTPRequestHead, to address: UpgradeAddress, timeout: Duration) async throws(Problem) -> UpgradedConnection {
        do throws(UpgradedConnection.Failure) {
            return try await UpgradedConnection.open(head, to: address, timeout: timeout)
        } catch {
            switch error {
            case .unreachable: throw Problem(.portUnreachable, "nothing listens on the sandbox's port")
            case .broken: throw Problem(.portUnreachable, "nothing listens on the sandbox's port, or what listens does not speak HTTP")
            case .timedOut: throw Problem(.portTimedOut, "the sandbox's port gave no answer within \(timeout)")
            }
        }
    }

    /// The answer of the port's server: the socket, or its refusal.
    func response(to request: Request) -> Response {
        let answer = connection.head
        var fields = PortHeaders.response(answer.headers, prefix: prefix)
        let status = HTTPResponse.Status(code: Int(answer.status.code), reasonPhrase: answer.status.reasonPhrase)
        guard answer.status == .switchingProtocols else {
            return Response(status: status, headers: fields, body: ResponseBody { writer in try await passOn(to: &writer) })
        }
        fields[.connection] = "Upgrade"
        fields[.upgrade] = answer.headers.first(name: "Upgrade") ?? "websocket"
        if fields[.webSocketProtocol] == nil { fields[.webSocketProtocol] = OfferedSubprotocols(request.headers).fallback }
        let bytes = request.body
        return Response(status: status, headers: fields, body: ResponseBody { writer in try await splice(bytes, &writer) })
    }

    private func passOn(to writer: inout any ResponseBodyWriter) async throws {
        defer { connection.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { if await client.departure.wait() { connection.close() } }
            group.addTask { if await client.stopping() { connection.close() } }
            defer { group.cancelAll() }
            while let bytes = try await connection.read() { try await writer.write(bytes) }
        }
        try await writer.finish(nil)
    }

    private func splice(_ bytes: RequestBody, _ writer: inout any ResponseBodyWriter) async throws {
        defer { connection.close() }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                // A client that breaks off ends the socket as one that says it is done.
                do { for try await part in bytes { try await connection.write(part) } } catch {}
                await connection.finishWriting()
                return true
            }
            group.addTask {
                if await client.departure.wait() { connection.close() }
                return false
            }
            group.addTask {
                if await client.stopping() { connection.close() }
                return false
            }
            defer { group.cancelAll() }
            while let part = try await connection.read() { try await writer.write(part) }
            // Its last bytes are awaited, then the client may finish what it was saying.
            client.channel.close(mode: .output, promise: nil)
            group.addTask {
                try? await Task.sleep(for: PortSocket.lingerTime)
                return true
            }
            while let isOver = try await group.next(), !isOver {}
        }
        try? await writer.finish(nil)
    }
}
