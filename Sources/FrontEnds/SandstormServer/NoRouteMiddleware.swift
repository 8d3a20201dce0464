import Hummingbird
package import HummingbirdCore

/// Says in a front end's own words that there is no such route; the router itself would answer with nothing but a status.
///
/// To be the outermost middleware of a router.
package struct NoRouteMiddleware: RouterMiddleware {
    private let failure: @Sendable (Request) -> any Error

    /// - Parameter failure: what is thrown instead.
    package init(_ failure: @escaping @Sendable (Request) -> any Error) { self.failure = failure }

    package func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as any HTTPResponseError where error.status == .notFound {
            throw failure(request)
        }
    }
}
