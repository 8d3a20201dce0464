import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormServer

/// What envd is to the vendor: processes and files inside one sandbox, on its port 49983.
struct EnvdPlane: Sendable {
    private let services: E2BServices

    init(_ services: E2BServices) { self.services = services }

    /// The template of the route, for metrics.
    func route(_ path: String) -> String { "/other" }

    func respond(to request: Request, _ place: SandboxPlace, _ context: APIContext) async throws -> Response {
        throw E2BError(.notFound, "there is no route \(request.method) \(request.uri.path) in a sandbox")
    }
}
