import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import ServiceLifecycle
import Testing

@testable import NativeAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The API's connections with routes that the test makes.
struct ChannelServer: Sendable {
    let connections = Connections()
    var idleTimeout = Duration.seconds(75)
    var bodyTimeout = Duration.seconds(60)
    var stallTimeout = Duration.seconds(120)
    var drainTime = Duration.seconds(10)
    var maximumConnections = 16_384

    /// Runs `body` against the listening server, which is stopped gracefully afterwards unless `body` did so.
    func serve(
        _ addRoutes: (Router<APIContext>) -> Void, _ body: @escaping @Sendable (LiveServer) async throws -> Void
    ) async throws {
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            PacingMiddleware()
            RequestIDMiddleware()
            ProblemMiddleware()
        }
        addRoutes(router)
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        let (connections, idleTimeout, bodyTimeout, stallTimeout) = (connections, idleTimeout, bodyTimeout, stallTimeout)
        let application = Application(
            router: router,
            server: HTTPServerBuilder { responder in
                APIChannel(
                    responder: responder, connections: connections, maximumBodyBytes: 1 << 20, idleTimeout: idleTimeout,
                    bodyTimeout: bodyTimeout, stallTimeout: stallTimeout)
            },
            configuration: .init(
                address: .hostname("127.0.0.1", port: 0), availableConnectionsDelegate: MaximumAvailableConnections(maximumConnections)),
            onServerRunning: { portFound.yield($0.localAddress?.port) }, logger: TestAPI.logger)
        let server = BoundedShutdown(server: application, connections: connections, patience: drainTime)
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: TestAPI.logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            let port = try #require(await ports.first { _ in true } ?? nil)
            do {
                try await body(LiveServer(port: port, group: group))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
        }
    }

    /// A route that is a WebSocket.
    func socket(
        _ limits: WebSocketConnection.Limits = .init(), subprotocols: [String] = [],
        _ body: @escaping @Sendable (WebSocketConnection) async -> WebSocketClose
    ) -> @Sendable (Request, APIContext) async throws -> Response {
        { request, context in
            let client = connections.client(of: context.channel, patience: .zero)
            return try WebSocketUpgrade(request, subprotocols: subprotocols).response(to: request, from: client, limits: limits, body)
        }
    }
}

extension WebSocketConnection {
    /// Sends back all that comes.
    static let echo: @Sendable (WebSocketConnection) async -> WebSocketClose = { socket in
        while let message = await socket.receive() { guard await socket.send(message) else { break } }
        return WebSocketClose(.normal)
    }
}

extension LiveServer {
    /// The URL of a path, for a WebSocket.
    func socketURL(_ path: String) throws -> URL { try #require(URL(string: "ws://127.0.0.1:\(port)\(path)")) }
}
