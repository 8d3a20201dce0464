import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore

/// `/v1/runs` and what is below it.
struct RunRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams
    let maximumBodyBytes: Int

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.runs, .post, use: submit)
        routes.on(.runs, .get, use: list)
        routes.on(.run, .get, use: show)
        routes.on(.run, .delete, use: cancel)
        routes.on(.runEvents, .get, use: follow)
    }

    // MARK: POST /v1/runs

    private func submit(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let resumePoint = try request.headers.resumePoint()
        let runRequest = try await RunRequest(request, limit: maximumBodyBytes)
        let handle = try await engine.submit(runRequest, by: context.principal, after: resumePoint)
        var headers: HTTPFields = [.location: "\(Endpoint.runs.rawValue)/\(handle.id)"]
        if !handle.isNew { headers[.idempotencyReplayed] = "true" }
        if AcceptHeader(request.headers[.accept]).best(of: .json, .eventStream) == .eventStream {
            var response = streams.response(handle.events, .serverSentEvents, context, isOwner: true)
            response.headers.append(contentsOf: headers)
            return response
        }
        if runRequest.detached {
            let result = try await engine.run(handle.id, for: context.principal)
            return .json(result.json(), status: result.isSettled ? .ok : .accepted, headers: headers)
        }
        let result = try await streams.client(of: context).whilePresent { try await handle.result() }
        if let overhead = handle.overhead {
            headers[.overhead] = String(overhead.own.wholeMicroseconds)
            headers[.journal] = String(overhead.journal.wholeMicroseconds)
        }
        return .json(result.json(), headers: headers)
    }

    // MARK: GET /v1/runs

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["state", "limit", "before"], repeatable: ["state"])
        var query = RunQuery()
        query.states = try parameters.choices("state")
        let page = try Page<RunKind>(parameters)
        query.before = page.before
        query.limit = page.queryLimit
        let runs = try await engine.runs(query, for: context.principal)
        return .json(page.json("runs", runs, id: \.id) { $0.json(includingOutput: false) })
    }

    // MARK: /v1/runs/{id}

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        guard AcceptHeader(request.headers[.accept]).best(of: .json, .eventStream) == .json else {
            return try await follow(request, context)
        }
        _ = try QueryParameters(request, names: [])
        // A wrong one is wrong, whether it is of use or not.
        _ = try request.headers.resumePoint()
        return .json(try await engine.run(try context.runID, for: context.principal).json())
    }

    private func follow(_ request: Request, _ context: CallerContext) async throws -> Response {
        let follows = try QueryParameters(request, names: ["follow"]).flag("follow") ?? true
        let resumePoint = try request.headers.resumePoint()
        let events = try await engine.events(of: try context.runID, after: resumePoint, following: follows, for: context.principal)
        return streams.response(events, .serverSentEvents, context)
    }

    private func cancel(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.cancel(try context.runID, for: context.principal).json())
    }
}

extension RunRequest {
    /// Reads the body and the `Idempotency-Key` of `request`.
    init(_ request: Request, limit: Int) async throws {
        let idempotencyKey = try request.headers.validIdempotencyKey()
        self = try await JSONBody.read(request, limit: limit, as: RunRequest.init(json:))
        self.idempotencyKey = idempotencyKey
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
