import HTTPTypes
import Hummingbird
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

/// `/v1/sandboxes/{id}/processes`: commands in living sandboxes, started and watched.
struct ProcessRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams
    let maximumBodyBytes: Int

    /// The most of each output that a JSON answer has.
    static let outputLimit = 1024 * 1024

    func add(to routes: RouterGroup<CallerContext>) {
        routes.on(.processes, .post, use: start)
        routes.on(.processes, .get, use: list)
        routes.on(.process, .get, use: show)
        routes.on(.processEvents, .get, use: follow)
    }

    private func start(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let sandbox = try context.sandboxID
        let json = try await JSONBody.read(request, limit: maximumBodyBytes)
        var asked: ProcessRequest
        do throws(InvalidRequest) { asked = try ProcessRequest(json: json) } catch { throw Problem(error) }
        let wantsStream = AcceptHeader(request.headers[.accept]).best(of: .json, .eventStream) == .eventStream
        if !wantsStream, !asked.detached, asked.command.terminal == nil, json["closeStdin"] == nil {
            // Nobody but this caller knows the process, and this caller waits: there is nobody to write more.
            asked.closesInput = true
        }
        let processRequest = asked
        let client = streams.client(of: context)
        let handle = try await client.whilePresent {
            try await engine.startProcess(processRequest, in: sandbox, for: context.principal)
        }
        let headers: HTTPFields = [.location: "\(Endpoint.sandboxes.rawValue)/\(sandbox)/processes/\(handle.info.id)"]
        if wantsStream { return streams.response(handle.events, context, isOwner: true, headers: headers) }
        if asked.detached { return .json(handle.info.json, status: .created, headers: headers) }
        let outcome = try await client.whilePresent { try await ProcessOutcome(of: handle, limit: ProcessRoutes.outputLimit) }
        return .json(outcome.json, headers: headers)
    }

    private func list(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        let processes = try await engine.processes(in: try context.sandboxID, for: context.principal)
        return .json(["processes": .array(processes.map(\.json))])
    }

    private func show(_ request: Request, _ context: CallerContext) async throws -> Response {
        _ = try QueryParameters(request, names: [])
        return .json(try await engine.process(try context.processID, in: try context.sandboxID, for: context.principal).json)
    }

    private func follow(_ request: Request, _ context: CallerContext) async throws -> Response {
        let follows = try QueryParameters(request, names: ["follow"]).flag("follow") ?? true
        let resumePoint = try request.headers.resumePoint()
        let events = try await engine.processEvents(
            try context.processID, in: try context.sandboxID, after: resumePoint, following: follows, for: context.principal)
        return streams.response(events, context)
    }
}
