import Hummingbird
import HummingbirdCore
import SandstormEngine
import SandstormStore

/// Finds out on whose behalf a request is, before anything else is said about its route.
struct CallerMiddleware: RouterMiddleware {
    private let keys: KeyCache?

    /// - Parameter keyLifetime: how long a verified key is believed without asking the store.
    init(auth: AuthMode, keyLifetime: Duration) {
        switch auth {
        case .required(let ring):
            keys = KeyCache(lifetime: keyLifetime) { secret throws(StoreError) in try await ring.principal(secret: secret) }
        case .none:
            keys = nil
        }
    }

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard Endpoint.needsCaller(request.uri.path) else { return try await next(request, context) }
        var context = context
        if let keys {
            context.principal = try await CallerMiddleware.principal(of: request, keys)
        } else {
            try SameMachineRule.check(request, takesAnyOrigin: CallerMiddleware.isForPort(request))
            context.principal = .local
        }
        return try await next(request, context)
    }

    private static func isForPort(_ request: Request) -> Bool { Endpoint(path: request.uri.path)?.isPort ?? false }

    private static func principal(of request: Request, _ keys: KeyCache) async throws(Problem) -> Principal {
        guard let secret = PresentedKey(request.head, isForPort: isForPort(request)) else {
            throw Problem.unauthenticated("no API key was sent")
        }
        let principal: Principal?
        do throws(StoreError) {
            principal = try await keys.principal(secret)
        } catch {
            throw Problem(error)
        }
        guard let principal else { throw Problem.unauthenticated("the API key is unknown or revoked") }
        return principal
    }
}
