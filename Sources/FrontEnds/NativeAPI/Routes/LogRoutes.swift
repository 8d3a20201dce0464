import Hummingbird
import HummingbirdCore
import SandstormEngine
import SandstormServer

/// `/v1/runs/{id}/logs`: what a run printed.
struct LogRoutes: Sendable {
    let engine: Engine
    let streams: EventStreams

    func add(to routes: RouterGroup<CallerContext>) { routes.on(.runLogs, .get, use: logs) }

    private func logs(_ request: Request, _ context: CallerContext) async throws -> Response {
        let parameters = try QueryParameters(request, names: ["stream", "follow"])
        let filter = try LogRoutes.filter(parameters["stream"])
        let follows = try parameters.flag("follow") ?? false
        let resumePoint = try request.headers.resumePoint()
        let isLines = AcceptHeader(request.headers[.accept]).best(of: .plainText, .jsonLines) == .jsonLines
        let events = try await engine.events(of: try context.runID, after: resumePoint, following: follows, for: context.principal)
        return streams.response(events, isLines ? .lines(filter) : .text(filter), context)
    }

    private static func filter(_ name: String?) throws(Problem) -> RunEventFormat.OutputFilter {
        switch name {
        case nil: return .both
        case "stdout": return .stdout
        case "stderr": return .stderr
        default: throw Problem(.invalidParameter, "\"stream\" must be stdout or stderr; leave it out for both")
        }
    }
}
