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

/// How templates come to be: asked for, furnished with files, built, watched.
struct BuildRoutes: Sendable {
    /// The most lines of a log in one answer.
    private static let maximumLines = 100
    private static let uploadPurpose = "e2b.upload"

    let services: E2BServices
    let maker: SandboxMaker
    let builds: TemplateBuilds
    let shelf: UploadShelf?

    private var engine: Engine { services.engine }
    private var catalog: TemplateCatalog { maker.catalog }
    private var limit: Int { services.server.configuration.maximumBodyBytes }

    func add(to routes: RouterGroup<CallerContext>) {
        routes.post("/v3/templates", use: request)
        routes.get("/templates/:templateID/files/:hash", use: uploadLink)
        routes.post("/v2/templates/:templateID/builds/:buildID", use: begin)
        routes.get("/templates/:templateID/builds/:buildID/status", use: status)
        routes.get("/templates/:templateID/builds/:buildID/logs", use: logs)
    }

    /// Whoever has the link may send the files: SDKs show no key there.
    func addUpload(to router: Router<APIContext>) { router.put("/templates/:templateID/files/:hash", use: upload) }

    /// A request whose body is an archive.
    static func isUpload(_ path: String) -> Bool {
        path.hasPrefix("/templates/") && path.contains("/files/") && path.contains("?token=")
    }

    // MARK: Asking

    private func request(_ request: Request, _ context: CallerContext) async throws -> Response {
        let most = engine.mostResources
        let asked = try await ControlBody.read(request, limit: limit) { reader throws(E2BError) in
            let name = reader.string("name") ?? reader.string("alias") ?? ""
            if name.isEmpty { reader.report("name", "is missing", remedy: "send a string") }
            let tags = reader.strings("tags") ?? []
            for (index, tag) in tags.enumerated() where !TemplateName.isValid(tag) {
                reader.report("tags/\(index)", "is no tag", remedy: "use letters, digits, -, _ and .")
            }
            let cpu = reader.integer("cpuCount", in: 1...max(1, Int(most.cpu)), unit: "vCPUs")
            let memory = reader.integer("memoryMB", in: 128...max(128, most.memory), unit: "MiB")
            _ = reader.integer("minFreeDiskMB", in: 0...max(0, most.disk * 1024), unit: "MiB")
            return (name: name, tags: tags, cpu: cpu, memory: memory)
        }
        let reference = try TemplateReference(asked.name)
        let namespace = TemplateCatalog.namespace(of: context.principal)
        guard reference.namespace ?? namespace == namespace else {
            throw E2BError(.forbidden, "Templates are made in one's own namespace, which is \(namespace)")
        }
        guard catalog.configured[reference.name] == nil else {
            throw E2BError(.conflict, "Template name '\(reference.name)' is taken by the gateway's configuration")
        }
        var tags = [reference.tag].compactMap { $0 } + asked.tags
        if tags.isEmpty { tags = [TemplateReference.defaultTag] }
        let template = TemplateRecord(
            id: .generate(), tenant: context.principal.tenant, project: context.principal.project, names: [reference.name],
            createdAt: Date())
        let build = TemplateBuildRecord(
            id: .generate(), template: template.id, createdAt: Date(),
            cpu: Double(asked.cpu ?? Int(TemplateCatalog.atMost(max(1, most.cpu.rounded(.down)), 2))),
            memory: asked.memory ?? TemplateCatalog.atMost(most.memory, 1024), disk: TemplateCatalog.atMost(most.disk, 10), tags: tags)
        let kept = try await catalog.asked { () async throws(StoreError) in try await engine.templates.insert(build, of: template) }
        return .control(
            [
                "templateID": .string(PlainID.text(kept.id)), "buildID": .string(BuildIDText.text(build.id)),
                "public": .bool(kept.isPublic),
                "names": .strings(kept.names.map { "\(namespace)/\($0)" }), "tags": .strings(tags), "aliases": .strings(kept.names),
            ], status: .accepted)
    }

    // MARK: Files

    private func uploadLink(_ request: Request, _ context: CallerContext) async throws -> Response {
        let record = try await own(context)
        let hash = try context.text("hash")
        guard UploadShelf.isName(hash) else { throw E2BError(.badRequest, "The files' hash is no SHA-256 in hexadecimal digits") }
        guard let shelf else { throw E2BError(.badRequest, "This gateway has no directory for files of templates") }
        let id = PlainID.text(record.id)
        let token = engine.token(of: "\(record.id)/\(hash)", for: BuildRoutes.uploadPurpose)
        return .control(
            [
                "present": .bool(await shelf.has(hash, of: record.id)),
                "url": .string("\(origin(request))/templates/\(id)/files/\(hash)?token=\(token)"),
            ], status: .created)
    }

    /// The address under which the client reached the control plane.
    private func origin(_ request: Request) -> String {
        let authority = request.head.authority ?? "localhost"
        let scheme = request.head.scheme == "https" || request.headers[.forwardedProto] == "https" ? "https" : "http"
        let isByName = services.settings.domain.map { authority.prefix { $0 != ":" }.lowercased() == "api.\($0.lowercased())" } ?? false
        return "\(scheme)://\(authority)\(isByName ? "" : E2BAddress.prefix)"
    }

    private func upload(_ request: Request, _ context: APIContext) async throws -> Response {
        guard let id = context.parameters.get("templateID").flatMap({ PlainID.parse($0, as: TemplateKind.self) }),
            let hash = context.parameters.get("hash"), UploadShelf.isName(hash), let shelf
        else { throw E2BError(.notFound, "There is no such upload") }
        guard engine.isToken(try ControlQuery(request).text("token") ?? "", of: "\(id)/\(hash)", for: BuildRoutes.uploadPurpose) else {
            throw E2BError(.unauthorized, "The upload's token is wrong")
        }
        let client = services.server.connections.client(of: context.channel, patience: services.server.configuration.drainTime)
        try await Upload(request, from: client).pass { bytes in try await shelf.put(bytes, as: hash, of: id) }
        return Response(status: .ok, headers: [.contentLength: "0"])
    }

    // MARK: Building

    private func begin(_ request: Request, _ context: CallerContext) async throws -> Response {
        var build = try await build(context)
        let plan = try await ControlBody.read(request, limit: limit) { reader throws(E2BError) in try BuildPlan(&reader) }
        let tenant = context.principal.tenant
        let underWay = try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.unfinishedBuildCount(tenant: tenant)
        }
        guard underWay < TemplateBuilds.maximumPerTenant else {
            throw E2BError(
                .tooManyRequests, "you have reached the maximum number of concurrent template builds (\(TemplateBuilds.maximumPerTenant))",
                headers: [.shouldRetry: "false"])
        }
        build.updatedAt = Date()
        build.state = .building
        guard try await catalog.asked({ [build] () async throws(StoreError) in try await engine.templates.begin(build) }) else {
            throw E2BError(.badRequest, "The build was started before")
        }
        builds.add(TemplateBuilder(engine: engine, maker: maker, shelf: shelf, build: build, plan: plan, principal: context.principal))
        return .control([:], status: .accepted)
    }

    private func status(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let offset = try parameters.integer("logsOffset", in: 0...Int.max) ?? 0
        let page = try parameters.integer("limit", in: 0...BuildRoutes.maximumLines) ?? BuildRoutes.maximumLines
        let levels = try BuildRoutes.levels(parameters)
        // First the build, then its log: once it has ended its log is whole.
        let build = try await build(context)
        let lines = try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.lines(of: build.id, from: offset, limit: page, levels: levels)
        }
        var object: JSONObject = [
            "logs": [], "logEntries": .array(lines.map(TemplateForm.json)), "templateID": .string(PlainID.text(build.template)),
            "buildID": .string(BuildIDText.text(build.id)), "status": .string(TemplateForm.status(build.state)),
        ]
        if let failure = build.failure {
            var reason: JSONObject = ["message": .string(failure)]
            reason["step"] = build.failedStep.map(JSONValue.string)
            object["reason"] = .object(reason)
        }
        return .control(.object(object))
    }

    private func logs(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try ControlQuery(request)
        let cursor = try parameters.integer("cursor", in: 0...253_402_300_799_999).map { Date(timeIntervalSince1970: Double($0) / 1000) }
        let page = try parameters.integer("limit", in: 0...BuildRoutes.maximumLines) ?? BuildRoutes.maximumLines
        let isBackward = try parameters.text("direction") == "backward"
        let levels = try BuildRoutes.levels(parameters)
        let build = try await build(context)
        var lines = try await catalog.asked { () async throws(StoreError) in
            try await engine.templates.lines(of: build.id, from: 0, limit: 100_000, levels: levels)
        }
        if isBackward { lines.reverse() }
        lines = lines.filter { line in cursor.map { isBackward ? line.time <= $0 : line.time >= $0 } ?? true }
        return .control(["logs": .array(lines.prefix(page).map(TemplateForm.json))])
    }

    /// The level asked for, and all that are graver.
    private static func levels(_ parameters: ControlQuery) throws(E2BError) -> Set<String> {
        guard let level = try parameters.choice("level", as: SandboxLog.Level.self) else { return [] }
        return Set(SandboxLog.Level.allCases.filter { $0 >= level }.map(\.rawValue))
    }

    // MARK: Finding

    private func own(_ context: CallerContext) async throws -> TemplateRecord {
        let text = try context.text("templateID")
        guard let record = try await catalog.record(try TemplateReference(text), for: context.principal),
            record.tenant == context.principal.tenant
        else { throw TemplateCatalog.missing(text) }
        return record
    }

    private func build(_ context: CallerContext) async throws -> TemplateBuildRecord {
        let record = try await own(context)
        let text = try context.text("buildID")
        guard let id = BuildIDText.parse(text.lowercased()),
            let build = try await catalog.asked({ () async throws(StoreError) in try await engine.templates.build(id) }),
            build.template == record.id
        else { throw E2BError(.notFound, "Build '\(text.prefix(128))' not found") }
        return build
    }
}
