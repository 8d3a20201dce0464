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

/// `/sandboxes` and `/v2/sandboxes`: sandboxes made, found and ended.
struct SandboxRoutes: Sendable {
    let services: E2BServices
    let maker: SandboxMaker
    let form: SandboxForm

    private var engine: Engine { services.engine }
    private var limit: Int { services.server.configuration.maximumBodyBytes }
    /// The most on one page.
    static let pageLimit = 100

    func add(to routes: RouterGroup<CallerContext>) {
        routes.post("/v2/sandboxes") { request, context in try await create(request, context, .two) }
        routes.post("/sandboxes") { request, context in try await create(request, context, .one) }
        routes.get("/v2/sandboxes", use: list)
        routes.get("/sandboxes", use: listRunning)
        routes.get("/sandboxes/:sandboxID", use: show)
        routes.delete("/sandboxes/:sandboxID", use: kill)
    }

    private func create(_ request: Request, _ context: CallerContext, _ version: NewSandbox.Version) async throws -> Response {
        let key = try SandboxRoutes.idempotencyKey(request.headers)
        let asked = try await ControlBody.read(request, limit: limit) { reader throws(E2BError) in try NewSandbox(&reader, version) }
        // A caller that has left would never hear of its sandbox.
        let sandbox = try await client(context).whilePresent {
            try await maker.make(asked, idempotencyKey: key, for: context.principal)
        }
        return .control(form.made(sandbox), status: .created)
    }

    private static func idempotencyKey(_ headers: HTTPFields) throws(E2BError) -> String? {
        guard let key = headers[.idempotencyKey] else { return nil }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw E2BError(.badRequest, "Idempotency-Key must be 1 to 255 printable characters")
        }
        return key
    }

    private func client(_ context: CallerContext) -> ClientPresence {
        services.server.connections.client(of: context.channel, patience: services.server.configuration.drainTime)
    }

    // MARK: Lists

    private enum ListedState: String, CaseIterable { case running, paused }
    private enum Order: String, CaseIterable { case asc, desc }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        var query = SandboxQuery()
        query.withoutAttribute = SandboxMaker.hiddenAttribute
        query.metadata = try parameters.text("metadata").map(MetadataFilter.labels) ?? [:]
        query.states = try SandboxRoutes.states(try parameters.list("state"))
        query.order = try parameters.choice("order", as: Order.self) == .asc ? .oldestFirst : .newestFirst
        query.createdFrom = try parameters.date("startedAfter")
        let page = try parameters.integer("limit", in: 1...SandboxRoutes.pageLimit) ?? SandboxRoutes.pageLimit
        query.limit = page + 1
        let last: SandboxID? = try PageToken.parse(try parameters.text("nextToken"))
        if query.order == .newestFirst { query.before = last } else { query.after = last }
        if let template = try parameters.text("template") {
            guard let id = try await templateID(template, for: context.principal) else {
                return .control([], headers: [.totalRunning: "0"])
            }
            query.attributes = [SandboxQuery.Attribute([E2BNote.key, "template"], id)]
        }
        let sandboxes = try await engine.sandboxes(query, for: context.principal)
        var headers = PageToken.headers(sandboxes, limit: page) { $0.id.rawValue }
        query.states = [.running]
        headers[.totalRunning] = String(try await engine.sandboxCount(query, for: context.principal))
        return .control(.array(sandboxes.prefix(page).map(form.listed)), headers: headers)
    }

    private static func states(_ names: [String]) throws(E2BError) -> Set<SandboxState> {
        var states: Set<SandboxState> = []
        for name in names {
            switch ListedState(rawValue: name) {
            case .running: states.insert(.running)
            case .paused: states.insert(.paused)
            case nil: throw E2BError(.badRequest, "Parameter state must be running or paused")
            }
        }
        return states.isEmpty ? [.running, .paused] : states
    }

    /// The id that sandboxes of a template bear; `nil` if there is no such template.
    private func templateID(_ text: String, for principal: Principal) async throws -> String? {
        let reference = try TemplateReference(text)
        guard reference.tag == nil else { throw E2BError(.badRequest, "Parameter template must not have a tag") }
        if reference.namespace == nil, maker.catalog.configured[reference.name] != nil { return reference.name }
        if let record = try await maker.catalog.record(reference, for: principal) { return PlainID.text(record.id) }
        return try await maker.catalog.snapshots(reference, for: principal).first.map { PlainID.text($0.id) }
    }

    /// All that run, on one page, as older SDKs have it.
    private func listRunning(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        var query = SandboxQuery()
        query.withoutAttribute = SandboxMaker.hiddenAttribute
        query.metadata = try parameters.text("metadata").map(MetadataFilter.labels) ?? [:]
        query.states = [.running]
        query.limit = 1000
        return .control(.array(try await engine.sandboxes(query, for: context.principal).map(form.listed)))
    }

    // MARK: One

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        .control(form.detail(try await engine.present(try context.sandboxID, for: context.principal)))
    }

    private func kill(_ request: Request, _ context: CallerContext) async throws -> Response {
        let id = try context.sandboxID
        _ = try await engine.present(id, for: context.principal)
        _ = try await engine.kill(id, for: context.principal)
        return .done
    }
}

extension Engine {
    /// A sandbox that is there: in this dialect one that has ended is as good as none.
    ///
    /// - Throws: 404.
    func present(_ id: SandboxID, for principal: Principal) async throws -> SandboxInfo {
        do throws(EngineError) {
            let info = try await sandbox(id, for: principal)
            if info.state != .ended { return info }
        } catch {
            guard error.kind == .notFound else { throw error }
        }
        throw E2BError.noSandbox(E2BSandboxID.text(of: id))
    }
}
