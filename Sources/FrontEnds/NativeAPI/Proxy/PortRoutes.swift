import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormEngine
import SandstormServer

/// `/v1/sandboxes/{id}/ports/{port}/…`: whatever listens on a port inside a sandbox.
struct PortRoutes: Sendable {
    let engine: Engine
    let ports: PortProxy

    func add(to routes: RouterGroup<CallerContext>) {
        for endpoint in [Endpoint.port, .portPath] {
            for method in endpoint.methods { routes.on(endpoint, method, use: pass) }
        }
    }

    private func pass(_ request: Request, _ context: CallerContext) async throws -> Response {
        let address = try PortAddress(
            sandbox: try context.sandboxID, port: context.parameters.get("port"), path: request.head.path ?? "")
        if !address.target.hasPrefix("/"), request.method == .get || request.method == .head {
            // Or the relative links of the page would lead out of the port.
            return Response(status: .permanentRedirect, headers: [.location: "\(address.prefix)/\(address.target)"])
        }
        let endpoint = try await engine.endpoint(of: address.sandbox, port: address.port, for: context.principal)
        return try await ports.pass(
            request, from: context.channel,
            to: .init(endpoint: endpoint, port: address.port, path: address.target, prefix: address.prefix))
    }
}
