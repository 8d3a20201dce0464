import Hummingbird
import HummingbirdCore
import SandstormServer

/// Finds out on whose behalf a request is, before anything else is said about its route.
struct CallerMiddleware: RouterMiddleware {
    let callers: CallerCheck

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard Endpoint.needsCaller(request.uri.path) else { return try await next(request, context) }
        var context = context
        context.principal = try await callers.principal(
            of: request, showing: PresentedKey(request.head, isForPort: CallerMiddleware.isForPort(request)),
            takesAnyOrigin: CallerMiddleware.isForPort(request))
        return try await next(request, context)
    }

    private static func isForPort(_ request: Request) -> Bool { Endpoint(path: request.uri.path)?.isPort ?? false }
}
