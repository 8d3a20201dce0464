import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormServer

/// The control plane: sandboxes, snapshots, templates and all that is asked of a gateway rather than of one sandbox.
struct ControlPlane: Sendable {
    private let responder: RouterResponder<APIContext>

    init(_ services: E2BServices) {
        let router = Router(context: APIContext.self)
        router.add(
            middleware: NoRouteMiddleware { E2BError(.notFound, "there is no route \($0.method) \($0.uri.path)") })
        router.get("/health") { _, _ in Response(status: .noContent) }
        responder = router.buildResponder()
    }

    /// Whether bodies pass through as they come.
    func streamsBody(_ path: String) -> Bool { false }

    /// The template of the route, for metrics.
    func route(_ path: String) -> String { path.hasPrefix("/health") ? "/health" : "/other" }

    func respond(to request: Request, _ context: APIContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }
}
