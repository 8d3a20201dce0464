import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/decisions`: where a run would go, without running it.
struct DecisionRoutes: Sendable {
    let engine: Engine
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) { routes.on(.decisions, .post, use: decide) }

    private func decide(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let runRequest = try await RunRequest(request, limit: maximumBodyBytes)
        return .json(try await engine.decide(runRequest, by: context.principal).json)
    }
}
