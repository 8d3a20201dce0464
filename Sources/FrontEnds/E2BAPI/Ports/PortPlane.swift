import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// Every other port of a sandbox: whatever listens there.
struct PortPlane: Sendable {
    private let services: E2BServices

    init(_ services: E2BServices) { self.services = services }

    func respond(to request: Request, _ place: SandboxPlace, _ context: APIContext) async throws -> Response {
        throw E2BError(.badGateway, "the sandbox was not found")
    }
}
