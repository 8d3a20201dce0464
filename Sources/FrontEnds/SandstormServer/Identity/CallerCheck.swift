import Hummingbird
package import HummingbirdCore
package import SandstormEngine
import SandstormStore

/// Finds out on whose behalf a request is.
package struct CallerCheck: Sendable {
    private let keys: KeyCache?

    /// - Parameter keyLifetime: how long a verified key is believed without asking the store.
    package init(auth: AuthMode, keyLifetime: Duration) {
        switch auth {
        case .required(let ring):
            keys = KeyCache(lifetime: keyLifetime) { secret throws(StoreError) in try await ring.principal(secret: secret) }
        case .none:
            keys = nil
        }
    }

    /// The caller of `request`.
    ///
    /// - Parameters:
    ///   - key: what it showed, asked for only by a gateway that has keys.
    ///   - takesAnyOrigin: of a gateway without keys, see ``SameMachineRule``.
    /// - Throws: ``Problem`` of kind `unauthenticated`, `forbiddenOrigin` or `storeUnavailable`.
    package func principal(
        of request: Request, showing key: @autoclosure () -> PresentedKey?, takesAnyOrigin: @autoclosure () -> Bool = false
    ) async throws(Problem) -> Principal {
        guard let keys else {
            try SameMachineRule.check(request, takesAnyOrigin: takesAnyOrigin())
            return .local
        }
        guard let secret = key() else { throw Problem.unauthenticated("no API key was sent") }
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
