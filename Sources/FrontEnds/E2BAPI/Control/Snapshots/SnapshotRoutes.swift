import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

/// Kept copies of sandboxes. They are removed as templates are: see ``TemplateRoutes``.
struct SnapshotRoutes: Sendable {
    let services: E2BServices
    let catalog: TemplateCatalog

    private var engine: Engine { services.engine }

    func add(to routes: RouterGroup<CallerContext>) {
        routes.post("/sandboxes/:sandboxID/snapshots", use: create)
        routes.get("/snapshots", use: list)
    }

    private func create(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        let (name, memory) = try await ControlBody.read(
            request, limit: services.server.configuration.maximumBodyBytes, isOptional: true
        ) { reader throws(E2BError) in
            (try reader.string("name").map { text throws(E2BError) in try TemplateReference(text) }, reader.bool("memory"))
        }
        if let namespace = name?.namespace, namespace != TemplateCatalog.namespace(of: context.principal) {
            throw E2BError(
                .badRequest, "Snapshots are kept in one's own namespace, which is \(TemplateCatalog.namespace(of: context.principal))")
        }
        let info = try await engine.present(id, for: context.principal)
        let kinds = engine.capabilities(of: info.provider)?.snapshot ?? []
        let kind: SnapshotKind
        switch memory {
        case true: kind = .memory
        case false: kind = .filesystem
        // The most that there is.
        default: kind = kinds.contains(.memory) ? .memory : .filesystem
        }
        guard kinds.contains(kind) else {
            throw E2BError(
                .badRequest, "Snapshots of \(kind == .memory ? "memory" : "files") can't be taken where this sandbox is (\(info.provider))")
        }
        let fullName = name.map { "\($0.name):\($0.tag ?? TemplateReference.defaultTag)" }
        let snapshot = try await engine.snapshot(id, kind: kind, name: fullName, for: context.principal)
        return .control(SnapshotForm.json(snapshot, for: context.principal), status: .created)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        var query = SnapshotQuery()
        query.withoutPrefix = TemplateBuilder.snapshotPrefix
        if let text = try parameters.text("sandboxID") {
            guard let id = E2BSandboxID.parse(text) else { return .control([]) }
            query.sandbox = id
        }
        if let text = try parameters.text("name") {
            let reference = try TemplateReference(text)
            if let namespace = reference.namespace, namespace != TemplateCatalog.namespace(of: context.principal) { return .control([]) }
            if PlainID.parse(reference.name, as: SnapshotIDKind.self) != nil {
                let found = try await catalog.snapshots(reference, for: context.principal).filter {
                    query.sandbox == nil || $0.sandbox == query.sandbox
                }
                return .control(.array(found.map { SnapshotForm.json($0, for: context.principal) }))
            }
            query.name = "\(reference.name):\(reference.tag ?? TemplateReference.defaultTag)"
        }
        query.before = try PageToken.parse(try parameters.text("nextToken"))
        let page = try parameters.integer("limit", in: 1...100) ?? 100
        query.limit = page + 1
        let snapshots = try await engine.snapshots(query, for: context.principal)
        return .control(
            .array(snapshots.prefix(page).map { SnapshotForm.json($0, for: context.principal) }),
            headers: PageToken.headers(snapshots, limit: page) { $0.id.rawValue })
    }
}
