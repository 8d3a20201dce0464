import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/sandboxes/{id}/files`: everything about files but their contents.
struct FileRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams
    let maximumBodyBytes: Int

    /// How deep a list may go.
    static let maximumDepth = 64

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.files, .delete, use: remove)
        routes.on(.fileInfo, .get, use: show)
        routes.on(.fileInfo, .patch, use: change)
        routes.on(.fileList, .get, use: list)
        routes.on(.directories, .post, use: makeDirectory)
        routes.on(.fileMove, .post, use: move)
        routes.on(.fileWatch, .get, use: watch)
    }

    private func remove(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "recursive"])
        let path = try parameters.path()
        let recursively = try parameters.flag("recursive") ?? false
        try await withFiles(parameters, context) { files throws(ProviderError) in try await files.remove(path, recursively: recursively) }
        return .noContent
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "followLinks"])
        let path = try parameters.path()
        let follows = try parameters.flag("followLinks") ?? true
        return .json(
            try await withFiles(parameters, context) { files throws(ProviderError) in try await files.info(path, followingLinks: follows) }
                .json)
    }

    private func change(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user"])
        let path = try parameters.path()
        let attributes = try await JSONBody.read(request, limit: maximumBodyBytes, as: FileAttributes.init(json:))
        let info = try await withFiles(parameters, context) { files throws(ProviderError) in
            try await files.setAttributes(attributes, of: path)
            return try await files.info(path, followingLinks: true)
        }
        return .json(info.json)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "depth"])
        let path = try parameters.path()
        let depth = try parameters.integer("depth", in: 1...FileRoutes.maximumDepth) ?? 1
        let entries = try await withFiles(parameters, context) { files throws(ProviderError) in try await files.list(path, depth: depth) }
        return .json(["entries": .array(entries.map(\.json))])
    }

    private func makeDirectory(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "mode"])
        let path = try parameters.path()
        let mode = try parameters.mode() ?? 0o755
        let (isNew, info) = try await withFiles(parameters, context) { files throws(ProviderError) in
            (try await files.makeDirectory(path, mode: mode), try await files.info(path, followingLinks: true))
        }
        return .json(info.json, status: isNew ? .created : .ok)
    }

    private func move(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["user"])
        let wish = try await JSONBody.read(request, limit: maximumBodyBytes, as: MoveRequest.init(json:))
        let info = try await withFiles(parameters, context) { files throws(ProviderError) in
            try await files.move(wish.from, to: wish.to, replacing: wish.replaces)
            return try await files.info(wish.to, followingLinks: false)
        }
        return .json(info.json)
    }

    private func watch(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["path", "user", "recursive"])
        let path = try parameters.path()
        let recursively = try parameters.flag("recursive") ?? false
        let changes = try await withFiles(parameters, context) { files throws(ProviderError) in
            try await files.watch(path, recursively: recursively)
        }
        return streams.response(changes, watching: ["path": .string(path), "recursive": .bool(recursively)], context)
    }

    private func withFiles<Value: Sendable>(
        _ parameters: QueryParameters, _ context: CallerContext,
        _ body: @escaping @Sendable (any SandboxFiles) async throws(ProviderError) -> Value
    ) async throws -> Value {
        try await engine.withFiles(as: parameters.user(), context, streams.client(of: context), body)
    }
}

extension Engine {
    /// Does something with the files of the sandbox in the path, as long as the client stays.
    func withFiles<Value: Sendable>(
        as user: String?, _ context: CallerContext, _ client: ClientPresence,
        _ body: @escaping @Sendable (any SandboxFiles) async throws(ProviderError) -> Value
    ) async throws -> Value {
        let sandbox = try context.sandboxID
        return try await client.whilePresent {
            let files = try await self.files(of: sandbox, as: user, for: context.principal)
            do throws(ProviderError) { return try await body(files) } catch { throw Problem(error) }
        }
    }
}

/// The body of `POST …/files/move`.
private struct MoveRequest: Sendable {
    let from: String
    let to: String
    let replaces: Bool

    init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        func path(_ key: String) -> String? {
            let path = reader.read(key, "is not a path", remedy: "send a path without NUL bytes") { value in
                value.stringValue.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }
            }
            if path == nil, json.objectValue != nil, json[key] ?? .null == .null {
                reader.report(key, "is missing", remedy: "send {\"from\": \"…\", \"to\": \"…\"}")
            }
            return path
        }
        let (from, to) = (path("from"), path("to"))
        replaces = reader.bool("replace") ?? false
        let problems = reader.finish()
        guard let from, let to, problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.from = from
        self.to = to
    }
}

extension FileAttributes {
    /// Reads the body of `PATCH …/files/info`.
    fileprivate init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        func name(_ key: String) -> String? {
            reader.read(key, "is not a name", remedy: "send a name or a number in quotes") { value in
                value.stringValue.flatMap { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 }
            }
        }
        let mode = reader.read("mode", "is not a file mode", remedy: "send octal digits in quotes, such as \"0755\"") {
            $0.stringValue.flatMap { UInt16(octalMode: $0) }
        }
        let (owner, group) = (name("owner"), name("group"))
        let modifiedAt = reader.read("modifiedAt", "is not an instant", remedy: "send RFC 3339: \"2026-11-21T09:30:00.125Z\"") {
            $0.stringValue.flatMap(Instant.date)
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(mode: mode, owner: owner, group: group, modifiedAt: modifiedAt)
    }
}
