import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// The WebSockets of processes: one that starts a process, and one that joins it.
struct ProcessSocketRoutes: Sendable {
    let engine: Engine
    let connections: Connections
    let limits: WebSocketConnection.Limits

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.processesSocket, .get, use: start)
        routes.on(.processSocket, .get, use: join)
    }

    private func start(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let upgrade = try WebSocketUpgrade(request, subprotocols: [ProcessSocket.subprotocol])
        let socket = socket(try context.sandboxID, context)
        // Looked for before the upgrade, so that a client that is wrong hears it from HTTP.
        guard try await engine.sandbox(socket.sandbox, for: context.principal).state != .ended else {
            throw Problem(.sandboxEnded, "the sandbox has ended")
        }
        return upgrade.response(to: request, from: client(of: context), limits: limits) { await socket.start(on: $0) }
    }

    private func join(_ request: Request, _ context: CallerContext) async throws -> Response {
        let position = try QueryParameters(request, names: ["after"]).integer("after", in: 0...Int(Int32.max)) ?? 0
        let upgrade = try WebSocketUpgrade(request, subprotocols: [ProcessSocket.subprotocol])
        let socket = socket(try context.sandboxID, context)
        let process = try context.processID
        let events = try await engine.processEvents(
            process, in: socket.sandbox, after: position, following: true, for: context.principal)
        return upgrade.response(to: request, from: client(of: context), limits: limits) { await socket.serve(events, of: process, on: $0) }
    }

    private func socket(_ sandbox: SandboxID, _ context: CallerContext) -> ProcessSocket {
        ProcessSocket(engine: engine, sandbox: sandbox, principal: context.principal, requestID: context.requestID)
    }

    /// A socket ends at once when the gateway stops: its client can come back to what lives on.
    private func client(of context: CallerContext) -> ClientPresence {
        connections.client(of: context.channel, patience: .zero)
    }
}
