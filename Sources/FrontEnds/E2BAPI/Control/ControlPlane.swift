import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormEngine
import SandstormServer

/// The control plane: sandboxes, snapshots, templates and all that is asked of a gateway rather than of one sandbox.
struct ControlPlane: Sendable {
    private let responder: RouterResponder<APIContext>
    let upkeep: E2BUpkeep

    init(_ services: E2BServices) {
        let engine = services.engine
        let catalog = TemplateCatalog(engine: engine, configured: services.settings.templates)
        let maker = SandboxMaker(engine: engine, catalog: catalog, interpreters: services.interpreters)
        let form = SandboxForm(engine: engine)
        let shelf = services.settings.uploadDirectory.map { UploadShelf(directory: $0) }
        let limit = services.server.configuration.maximumBodyBytes
        upkeep = E2BUpkeep(
            builds: TemplateBuilds(engine: engine), sampler: UsageSampler(engine: engine, history: UsageHistory()))
        let building = BuildRoutes(services: services, maker: maker, builds: upkeep.builds, shelf: shelf)
        let router = Router(context: APIContext.self)
        router.addMiddleware {
            NoRouteMiddleware { E2BError(.notFound, "there is no route \($0.method) \($0.uri.path)") }
            ControlErrors()
        }
        router.get("/health") { _, _ in Response.done }
        building.addUpload(to: router)
        let callers = router.group().add(middleware: ControlCallers(callers: services.callers)).group(context: CallerContext.self)
        SandboxRoutes(services: services, maker: maker, form: form).add(to: callers)
        SandboxLifeRoutes(services: services, start: maker.settling, form: form).add(to: callers)
        SnapshotRoutes(services: services, catalog: catalog).add(to: callers)
        MetricRoutes(engine: engine, sampler: upkeep.sampler).add(to: callers)
        LogRoutes(engine: engine).add(to: callers)
        TemplateRoutes(engine: engine, catalog: catalog, shelf: shelf, maximumBodyBytes: limit).add(to: callers)
        TagRoutes(engine: engine, catalog: catalog, maximumBodyBytes: limit).add(to: callers)
        building.add(to: callers)
        TeamRoutes(engine: engine).add(to: callers)
        VolumeRoutes(engine: engine, catalog: catalog, maximumBodyBytes: limit).add(to: callers)
        SecretRoutes(vault: engine.secrets, maximumBodyBytes: limit).add(to: callers)
        for path in ["dir", "file", "path"] {
            for method in [HTTPRequest.Method.get, .post, .put, .patch, .delete] {
                router.on("/volumecontent/:volumeID/\(path)", method: method) { _, _ -> Response in throw VolumeRoutes.noContent }
            }
        }
        responder = router.buildResponder()
    }

    /// Whether bodies pass through as they come.
    func streamsBody(_ path: String) -> Bool { BuildRoutes.isUpload(path) }

    /// The template of the route, for metrics.
    func route(_ path: String) -> String { ControlRouteName.of(path) }

    func respond(to request: Request, _ context: APIContext) async throws -> Response {
        try await responder.respond(to: request, context: context)
    }
}

/// Finds out on whose behalf a request to the control plane is.
private struct ControlCallers: RouterMiddleware {
    let callers: CallerCheck

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.principal = try await callers.principal(of: request, showing: E2BKey.presented(by: request.head))
        return try await next(request, context)
    }
}

/// Says what the engine refused in this dialect.
private struct ControlErrors: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as EngineError {
            throw E2BError(Problem(error))
        }
    }
}

/// The names under which requests to the control plane are counted: a closed set.
enum ControlRouteName {
    private static let known: Set<String> = [
        "sandboxes", "snapshots", "templates", "teams", "volumes", "secrets", "health", "volumecontent", "default-templates",
    ]
    private static let verbs: Set<String> = [
        "connect", "resume", "pause", "timeout", "refreshes", "network", "fork", "metrics", "logs", "snapshots", "builds", "status",
        "files",
        "tags", "aliases", "max",
    ]

    static func of(_ path: String) -> String {
        var parts = path.prefix { $0 != "?" }.split(separator: "/")
        var name = ""
        if let version = parts.first, ["v2", "v3"].contains(version) {
            name = "/\(version)"
            parts.removeFirst()
        }
        guard let first = parts.first.map(String.init), known.contains(first) else { return "/other" }
        name += "/\(first)"
        for part in parts.dropFirst().prefix(4) { name += verbs.contains(String(part)) ? "/\(part)" : "/{id}" }
        return name
    }
}
