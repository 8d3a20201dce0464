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

/// Tags of templates: names of builds.
struct TagRoutes: Sendable {
    let engine: Engine
    let catalog: TemplateCatalog
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.post("/templates/tags", use: assign)
        routes.delete("/templates/tags", use: remove)
        routes.get("/templates/:templateID/tags", use: list)
        routes.get("/templates/:templateID/tags/count", use: count)
        routes.get("/templates/:templateID/tags/exists", use: exists)
    }

    private func assign(_ request: Request, _ context: CallerContext) async throws -> Response {
        let (target, tags) = try await ControlBody.read(request, limit: maximumBodyBytes) { reader throws(E2BError) in
            (reader.requiredString("target"), try TagRoutes.tags(&reader))
        }
        guard let (record, build) = try await catalog.build(try TemplateReference(target), for: context.principal),
            record.tenant == context.principal.tenant
        else { throw TemplateCatalog.missing(target) }
        try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.assign(tags, to: build.id, of: record.id, at: Date())
        }
        return .control(["tags": .strings(tags), "buildID": .string(BuildIDText.text(build.id))], status: .created)
    }

    private func remove(_ request: Request, _ context: CallerContext) async throws -> Response {
        let (name, tags) = try await ControlBody.read(request, limit: maximumBodyBytes) { reader throws(E2BError) in
            (reader.requiredString("name"), try TagRoutes.tags(&reader))
        }
        let record = try await own(name, context.principal)
        if tags.contains(TemplateReference.defaultTag) {
            throw E2BError(.badRequest, "The tag '\(TemplateReference.defaultTag)' can't be removed")
        }
        let count = try await catalog.asked { () async throws(StoreError) in try await engine.templates.remove(tags, from: record.id) }
        guard count > 0 else { throw E2BError(.notFound, "Template '\(name.prefix(128))' has none of these tags") }
        return .done
    }

    private static func tags(_ reader: inout JSONReader) throws(E2BError) -> [String] {
        let tags = reader.strings("tags") ?? []
        if tags.isEmpty, reader.problems.isEmpty { reader.report("tags", "are missing", remedy: "send [\"…\"]") }
        for (index, tag) in tags.enumerated() where !TemplateName.isValid(tag) {
            reader.report("tags/\(index)", "is no tag", remedy: "use letters, digits, -, _ and .")
        }
        return tags
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        .control(
            .array(
                try await tags(context).map { tag in
                    [
                        "tag": .string(tag.tag), "buildID": .string(BuildIDText.text(tag.build)),
                        "createdAt": .string(tag.assignedAt.rfc3339),
                    ]
                }))
    }

    private func count(_ request: Request, _ context: CallerContext) async throws -> Response {
        .control(["total": .integer(try await tags(context).count)])
    }

    private func exists(_ request: Request, _ context: CallerContext) async throws -> Response {
        guard let tag = try ControlQuery(request).text("tag") else { throw E2BError(.badRequest, "Parameter tag is missing") }
        return .control(["exists": .bool(try await tags(context).contains { $0.tag == tag }), "normalizedTag": .string(tag)])
    }

    private func tags(_ context: CallerContext) async throws -> [SandstormStore.TemplateTag] {
        let text = try context.text("templateID")
        guard let record = try await catalog.record(try TemplateReference(text), for: context.principal) else {
            throw TemplateCatalog.missing(text)
        }
        return try await catalog.asked { () async throws(StoreError) in try await engine.templates.tags(of: record.id) }
    }

    private func own(_ text: String, _ principal: Principal) async throws -> TemplateRecord {
        guard let record = try await catalog.record(try TemplateReference(text), for: principal), record.tenant == principal.tenant else {
            throw TemplateCatalog.missing(text)
        }
        return record
    }
}
