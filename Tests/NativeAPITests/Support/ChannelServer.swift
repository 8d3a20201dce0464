import HTTPTypes
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
@testable import SandstormServer

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
        addRoutes(router)
        let (ports, portFound) = AsyncStream<Int?>.makeStream()
        var configuration = GatewayServer.Configuration(address: .hostname("127.0.0.1", port: 0))
        configuration.maximumBodyBytes = 1 << 20
        configuration.idleTimeout = idleTimeout
        configuration.bodyTimeout = bodyTimeout
        configuration.stallTimeout = stallTimeout
        configuration.maximumConnections = maximumConnections
        let application = GatewayServer(configuration, connections: connections)
            .application([TestFrontEnd(router: router)], logger: TestAPI.logger) { portFound.yield($0) }
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

/// Routes that a test makes, with the native API's manners.
private struct TestFrontEnd: FrontEnd {
    private let responder: RouterResponder<APIContext>

    init(router: Router<APIContext>) { responder = router.buildResponder() }

    func claims(_ head: HTTPRequest) -> Bool { true }
    func streamsBody(_ head: HTTPRequest) -> Bool { Endpoint(of: head)?.streamsBody ?? false }
    func mayAnswerWithStream(_ head: HTTPRequest) -> Bool { false }
    func route(of head: HTTPRequest) -> String { "test" }

    func response(to problem: Problem, requestID: String) -> (head: HTTPResponse, bytes: ByteBuffer) {
        problem.response(requestID: requestID)
    }

    func respond(to request: Request, context: APIContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
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
