import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormStore

/// `/v1/runs` and what is below it.
struct RunRoutes: Sendable {
    let engine: Engine
    let streams: RunStreams
    let maximumBodyBytes: Int

    /// The most runs on one page.
    private static let maximumPage = 200

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
        return .json(result.json(), headers: headers)
    }

    // MARK: GET /v1/runs

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["state", "limit", "before"], repeatable: ["state"])
        var query = RunQuery()
        query.states = try RunRoutes.states(parameters.list("state"))
        let limit = try parameters.integer("limit", in: 1...RunRoutes.maximumPage) ?? query.limit
        if let text = parameters["before"] {
            guard let before = RunID(text) else {
                throw Problem(.invalidParameter, "\"before\" is not a run's id; send the \"next\" of the page before")
            }
            query.before = before
        }
        // One more than asked for tells whether there is a next page.
        query.limit = limit + 1
        let runs = try await engine.runs(query, for: context.principal)
        var object: JSONObject = ["runs": .array(runs.prefix(limit).map { $0.json(includingOutput: false) })]
        if runs.count > limit { object["next"] = .string(runs[limit - 1].id.rawValue) }
        return .json(.object(object))
    }

    private static func states(_ names: [String]) throws(Problem) -> Set<RunState> {
        var states: Set<RunState> = []
        for name in names {
            guard let state = RunState(rawValue: name) else {
                let known = RunState.allCases.map(\.rawValue)
                let hint = name.nearest(among: known).map { "did you mean \"\($0)\"?" } ?? "known are: \(known.joined(separator: ", "))"
                throw Problem(.invalidParameter, "there is no state \"\(name.prefix(64))\"; \(hint)")
            }
            states.insert(state)
        }
        return states
    }

    // MARK: /v1/runs/{id}

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        guard AcceptHeader(request.headers[.accept]).best(of: .json, .eventStream) == .json else {
            return try await follow(request, context)
        }
        _ = try QueryParameters(request, names: [])
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
        let json = try await JSONBody.read(request, limit: limit)
        do throws(InvalidRequest) {
            try self.init(json: json)
        } catch {
            throw Problem(error)
        }
        self.idempotencyKey = idempotencyKey
    }
}

extension CallerContext {
    /// The run in the path. An id that can't be one names no run.
    var runID: RunID {
        get throws(Problem) {
            guard let id = parameters.get("id").flatMap({ RunID($0) }) else { throw Problem.noSuchRun }
            return id
        }
    }
}
