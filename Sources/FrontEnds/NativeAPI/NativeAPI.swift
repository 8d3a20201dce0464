package import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import NIOCore
package import SandstormEngine
package import SandstormServer

/// The native HTTP API: decodes, calls the engine, encodes. The reference is `docs/http-api.md`.
package struct NativeAPI: FrontEnd {
    private let responder: RouterResponder<APIContext>

    package init(engine: Engine, auth: AuthMode, server: GatewayServer) {
        responder = NativeAPI.router(engine: engine, auth: auth, server: server).buildResponder()
    }

    /// Everything: what no other front end claims is at least told in one way that it is unknown.
    package func claims(_ head: HTTPRequest) -> Bool { true }

    package func streamsBody(_ head: HTTPRequest) -> Bool { Endpoint(of: head)?.streamsBody ?? false }

    package func mayAnswerWithStream(_ head: HTTPRequest) -> Bool {
        if head.headerFields[.upgrade] != nil { return true }
        if let accept = head.headerFields[.accept], accept.contains(OfferedType.eventStream.rawValue) { return true }
        let path = (head.path ?? "").prefix { $0 != "?" }
        return path.hasSuffix("/events") || path.hasSuffix("/watch")
    }

    package func route(of head: HTTPRequest) -> String { Endpoint(of: head)?.rawValue ?? "other" }

    package func response(to problem: Problem, requestID: String) -> (head: HTTPResponse, bytes: ByteBuffer) {
        problem.response(requestID: requestID)
    }

    package func respond(to request: Request, context: APIContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }

    private static func noRoute(_ request: Request) -> Problem {
        guard let endpoint = Endpoint(path: request.uri.path) else {
            return Problem(.unknownRoute, "there is no such route; see the reference of the HTTP API")
        }
        var problem = Problem(.methodNotAllowed, "\(endpoint.rawValue) has \(endpoint.allow)")
        problem.headers[.allow] = endpoint.allow
        return problem
    }

    /// Every route over every middleware.
    static func router(engine: Engine, auth: AuthMode, server: GatewayServer) -> Router<APIContext> {
        let configuration = server.configuration
        let streams = EventStreams(
            connections: server.connections, heartbeatInterval: configuration.heartbeatInterval, patience: configuration.drainTime)
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.addMiddleware {
            NoRouteMiddleware { NativeAPI.noRoute($0) }
            CallerMiddleware(callers: CallerCheck(auth: auth, keyLifetime: configuration.keyLifetime))
        }
        HealthRoutes(engine: engine).add(to: router)
        MetricsRoutes(engine: engine, metrics: server.metrics, connections: server.connections).add(to: router)
        OpenAPIRoutes().add(to: router)
        let callers = router.group(context: CallerContext.self)
        let limit = configuration.maximumBodyBytes
        RunRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        LogRoutes(engine: engine, streams: streams).add(to: callers)
        DecisionRoutes(engine: engine, maximumBodyBytes: limit).add(to: callers)
        ProviderRoutes(engine: engine).add(to: callers)
        PriceRoutes(engine: engine).add(to: callers)
        SandboxRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        SnapshotRoutes(engine: engine, maximumBodyBytes: limit).add(to: callers)
        ProcessRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        ProcessControlRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        FileRoutes(engine: engine, streams: streams, maximumBodyBytes: limit).add(to: callers)
        FileContentRoutes(engine: engine, streams: streams).add(to: callers)
        ArchiveRoutes(engine: engine, streams: streams).add(to: callers)
        ProcessSocketRoutes(engine: engine, connections: server.connections, limits: configuration.webSockets).add(to: callers)
        PortRoutes(engine: engine, ports: server.ports).add(to: callers)
        return router
    }
}
