import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import SandstormEngine

/// Turns whatever was thrown into a problem document. Nothing passes it but responses.
struct ProblemMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            let problem = ProblemMiddleware.problem(for: error, request, context)
            let (head, bytes) = problem.response(requestID: context.requestID)
            return Response(status: head.status, headers: head.headerFields, body: ResponseBody(byteBuffer: bytes))
        }
    }

    private static func problem(for error: any Error, _ request: Request, _ context: APIContext) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case let error as EngineError:
            if error.kind == .internal { context.logger.error("request failed", metadata: ["error.message": "\(error.message)"]) }
            return Problem(error)
        case let error as any HTTPResponseError where error.status == .notFound: return noRoute(request)
        case is HTTPParserError: return Problem(.malformedHTTP, "the request is not HTTP/1.1 as RFC 9112 has it")
        case is CancellationError: return .stopping
        case is ChannelError, is IOError: return Problem(.clientGone, "the client closed its connection")
        default:
            context.logger.error("request failed", metadata: ["error.type": "\(type(of: error))", "error.message": "\(error)"])
            return Problem(.internal, "something broke inside the gateway; its log has more under this requestId")
        }
    }

    private static func noRoute(_ request: Request) -> Problem {
        guard let endpoint = Endpoint(path: request.uri.path) else {
            return Problem(.unknownRoute, "there is no such route; see the reference of the HTTP API")
        }
        var problem = Problem(.methodNotAllowed, "\(endpoint.rawValue) has \(endpoint.allow)")
        problem.headers[.allow] = endpoint.allow
        return problem
    }
}
