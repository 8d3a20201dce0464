import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/providers`: the places that this gateway knows.
struct ProviderRoutes: Sendable {
    let engine: Engine

    func add(to routes: RouterGroup<CallerContext>) { routes.on(.providers, .get, use: list) }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(["providers": .array(await engine.providers().map(\.json))])
    }
}
