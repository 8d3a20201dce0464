import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Templates: listed, found, opened to others and removed. How they come to be: ``BuildRoutes``.
struct TemplateRoutes: Sendable {
    private static let pageLimit = 100

    let engine: Engine
    let catalog: TemplateCatalog
    let shelf: UploadShelf?
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.get("/v2/templates", use: list)
        routes.get("/templates", use: list)
        routes.get("/default-templates", use: listConfigured)
        routes.get("/templates/aliases/:alias", use: alias)
        routes.get("/templates/:templateID", use: show)
        routes.patch("/templates/:templateID", use: change)
        routes.patch("/v2/templates/:templateID", use: change)
        routes.delete("/templates/:templateID", use: delete)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let namespace = TemplateCatalog.namespace(of: context.principal)
        if let team = try parameters.text("teamID"), team != namespace { throw E2BError(.forbidden, "You are not a member of this team") }
        let page = try parameters.integer("limit", in: 1...TemplateRoutes.pageLimit) ?? TemplateRoutes.pageLimit
        var query = TemplateQuery(tenant: context.principal.tenant)
        query.before = try PageToken.parse(try parameters.text("nextToken"))
        query.limit = page + 1
        let records = try await catalog.asked { [query] () async throws(StoreError) in try await engine.templates.templates(query) }
        var templates: [JSONValue] = []
        for record in records.prefix(page) { templates.append(.object(try await form(record, namespace).0)) }
        return .control(.array(templates), headers: PageToken.headers(records, limit: page) { $0.id.rawValue })
    }

    private func listConfigured(_ request: Request, _ context: CallerContext) async throws -> Response {
        .control(
            .array(
                catalog.configured.sorted { $0.key < $1.key }.map { name, settings in
                    .object(TemplateForm.json(catalog.base(name, settings)))
                }))
    }

    /// A template with the builds that tell of it, newest first.
    private func form(_ record: TemplateRecord, _ namespace: String) async throws -> (JSONObject, [TemplateBuildRecord]) {
        let builds = try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.builds(of: record.id, before: nil, limit: TemplateRoutes.pageLimit)
        }
        let json = TemplateForm.json(record, builds.first { $0.state == .ready }, latest: builds.first, for: namespace)
        return (json, builds)
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        let text = try context.text("templateID")
        let reference = try TemplateReference(text)
        if reference.namespace == nil, let settings = catalog.configured[reference.name] {
            var object = TemplateForm.json(catalog.base(reference.name, settings))
            object["builds"] = []
            return .control(.object(object))
        }
        guard let record = try await catalog.record(reference, for: context.principal) else { throw TemplateCatalog.missing(text) }
        let parameters = try ControlQuery(request)
        let page = try parameters.integer("limit", in: 1...TemplateRoutes.pageLimit) ?? TemplateRoutes.pageLimit
        let before: TemplateBuildID? = try PageToken.parse(try parameters.text("nextToken"))
        var (object, _) = try await form(record, PlainID.text(record.tenant))
        let builds = try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.builds(of: record.id, before: before, limit: page + 1)
        }
        object["builds"] = .array(builds.prefix(page).map(TemplateForm.json))
        return .control(.object(object), headers: PageToken.headers(builds, limit: page) { $0.id.rawValue })
    }

    private func alias(_ request: Request, _ context: CallerContext) async throws -> Response {
        let text = try context.text("alias")
        let reference = try TemplateReference(text)
        if reference.namespace == nil, catalog.configured[reference.name] != nil {
            return .control(["templateID": .string(reference.name), "public": true])
        }
        if let record = try await catalog.record(reference, for: context.principal) {
            return .control(["templateID": .string(PlainID.text(record.id)), "public": .bool(record.isPublic)])
        }
        throw E2BError(.notFound, "Template alias '\(text.prefix(128))' not found")
    }

    private func change(_ request: Request, _ context: CallerContext) async throws -> Response {
        let record = try await own(try context.text("templateID"), context.principal)
        let isPublic = try await ControlBody.read(request, limit: maximumBodyBytes, isOptional: true) { $0.bool("public") }
        if let isPublic {
            _ = try await catalog.asked { () async throws(StoreError) in
                try await engine.templates.setPublic(isPublic, record.id, at: Date())
            }
        }
        let namespace = TemplateCatalog.namespace(of: context.principal)
        return .control(["names": .strings(record.names.map { "\(namespace)/\($0)" })])
    }

    /// Removes a template with all its builds, or the snapshots of a name.
    private func delete(_ request: Request, _ context: CallerContext) async throws -> Response {
        let text = try context.text("templateID")
        let reference = try TemplateReference(text)
        if reference.namespace == nil, catalog.configured[reference.name] != nil {
            throw E2BError(.forbidden, "Template '\(reference.name)' is of the gateway's configuration")
        }
        if let record = try await catalog.record(reference, for: context.principal) {
            guard record.tenant == context.principal.tenant else { throw TemplateCatalog.missing(text) }
            try await remove(record, context.principal)
            return .done
        }
        let isOwn = reference.namespace.map { $0 == TemplateCatalog.namespace(of: context.principal) } ?? true
        let snapshots = isOwn ? try await catalog.snapshots(reference, for: context.principal) : []
        guard !snapshots.isEmpty else { throw TemplateCatalog.missing(text) }
        for snapshot in snapshots { try await engine.deleteSnapshot(snapshot.id, for: context.principal) }
        return .done
    }

    private func remove(_ record: TemplateRecord, _ principal: Principal) async throws {
        var snapshots: Set<SnapshotID> = []
        var before: TemplateBuildID?
        while true {
            let builds = try await catalog.asked { [before] () async throws(StoreError) in
                try await engine.templates.builds(of: record.id, before: before, limit: TemplateRoutes.pageLimit)
            }
            snapshots.formUnion(builds.compactMap { BuildDocument($0.document).ownsSnapshot ? $0.snapshot : nil })
            guard builds.count == TemplateRoutes.pageLimit, let last = builds.last else { break }
            before = last.id
        }
        for id in snapshots {
            do throws(EngineError) { try await engine.deleteSnapshot(id, for: principal) } catch {
                // Removed before, by another request or with the native API.
                if error.kind != .notFound { throw error }
            }
        }
        _ = try await catalog.asked { () async throws(StoreError) in try await engine.templates.deleteTemplate(record.id) }
        await shelf?.remove(record.id)
    }

    /// A template of the caller's own.
    private func own(_ text: String, _ principal: Principal) async throws -> TemplateRecord {
        guard let record = try await catalog.record(try TemplateReference(text), for: principal), record.tenant == principal.tenant else {
            throw TemplateCatalog.missing(text)
        }
        return record
    }
}
