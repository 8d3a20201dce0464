import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

/// `/v1/sandboxes`: living sandboxes from their making to their end.
struct SandboxRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams
    let maximumBodyBytes: Int

    /// What begins the names of the query parameters that select by labels.
    static let labelPrefix = "metadata."

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.sandboxes, .post, use: create)
        routes.on(.sandboxes, .get, use: list)
        routes.on(.sandbox, .get, use: show)
        routes.on(.sandbox, .patch, use: renew)
        routes.on(.sandbox, .delete, use: kill)
        routes.on(.sandboxPause, .post, use: pause)
        routes.on(.sandboxResume, .post, use: resume)
        routes.on(.sandboxFork, .post, use: fork)
        routes.on(.sandboxUsage, .get, use: usage)
    }

    private func create(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let idempotencyKey = try request.headers.validIdempotencyKey()
        var asked = try await JSONBody.read(request, limit: maximumBodyBytes, absent: [:], as: SandboxRequest.init(json:))
        asked.idempotencyKey = idempotencyKey
        let sandboxRequest = asked
        // A caller that has left would never hear of its sandbox.
        let (sandbox, isNew) = try await streams.client(of: context).whilePresent {
            try await engine.createSandbox(sandboxRequest, by: context.principal)
        }
        return isNew ? SandboxRoutes.made(sandbox) : .json(sandbox.json, headers: [.idempotencyReplayed: "true"])
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(
            request, names: ["state"] + Page<SandboxKind>.names, repeatable: ["state"], prefix: SandboxRoutes.labelPrefix)
        let page = try Page<SandboxKind>(parameters)
        var query = SandboxQuery()
        query.states = try parameters.choices("state")
        query.metadata = parameters.family(SandboxRoutes.labelPrefix)
        query.before = page.before
        query.limit = page.queryLimit
        let sandboxes = try await engine.sandboxes(query, for: context.principal)
        return .json(page.json("sandboxes", sandboxes, id: \.id, \.json))
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.sandbox(try context.sandboxID, for: context.principal).json)
    }

    private func renew(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let id = try context.sandboxID
        let renewal = try await JSONBody.read(request, limit: maximumBodyBytes, as: LeaseRenewal.init(json:))
        return .json(try await engine.renew(id, for: renewal.timeout, by: context.principal).json)
    }

    private func kill(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.kill(try context.sandboxID, for: context.principal).json)
    }

    private func pause(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.pause(try context.sandboxID, for: context.principal).json)
    }

    private func resume(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.resume(try context.sandboxID, for: context.principal).json)
    }

    private func fork(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let id = try context.sandboxID
        let fork = try await JSONBody.read(request, limit: maximumBodyBytes, absent: [:], as: ForkRequest.init(json:))
        let sandbox = try await streams.client(of: context).whilePresent {
            try await engine.fork(id, timeout: fork.timeout, metadata: fork.metadata, for: context.principal)
        }
        return SandboxRoutes.made(sandbox)
    }

    private func usage(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let id = try context.sandboxID
        let usage = try await streams.client(of: context).whilePresent { try await engine.usage(of: id, for: context.principal) }
        return .json(usage.json)
    }

    private static func made(_ sandbox: SandboxInfo) -> Response {
        .json(sandbox.json, status: .created, headers: [.location: "\(Endpoint.sandboxes.rawValue)/\(sandbox.id)"])
    }
}

/// The body of `PATCH /v1/sandboxes/{id}`.
private struct LeaseRenewal: Sendable {
    let timeout: Duration

    init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        let timeout = reader.lease()
        if timeout == nil, json.objectValue != nil, reader.problems.isEmpty {
            reader.report("timeout", "is missing", remedy: "send {\"timeout\": ‹milliseconds from now›}")
        }
        let problems = reader.finish()
        guard let timeout, problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.timeout = timeout
    }
}

/// The body of `POST /v1/sandboxes/{id}/fork`.
private struct ForkRequest: Sendable {
    let timeout: Duration?
    let metadata: [String: String]?

    init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        timeout = reader.lease()
        metadata = reader.stringMap("metadata")
        var problems = reader.finish()
        if let metadata {
            var spec = SandboxSpec()
            spec.metadata = metadata
            do throws(InvalidRequest) { _ = try spec.validated(for: .sandbox) } catch { problems += error.problems }
        }
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }
}

extension JSONReader {
    /// How long a sandbox is to live, by the rules of a spec's timeout.
    fileprivate mutating func lease() -> Duration? {
        let range = SandboxSpec.Limits.timeout
        let milliseconds = Int(range.lowerBound.wholeMilliseconds)...Int(range.upperBound.wholeMilliseconds)
        return integer("timeout", in: milliseconds, unit: "milliseconds").map { .milliseconds($0) }
    }
}
