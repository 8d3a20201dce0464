import HTTPTypes
import Hummingbird
package import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import SandstormEngine

/// Gives each request to the front end whose dialect it is in, and does what all of them have in common: counts and times requests, names them,
/// paces streams, and turns whatever is thrown into the front end's own words.
package struct GatewayResponder: HTTPResponder {
    package typealias Context = APIContext

    let frontEnds: FrontEnds
    let metrics: HTTPMetrics

    package func respond(to request: Request, context: APIContext) async throws -> Response {
        let frontEnd = frontEnds.frontEnd(for: request.head)
        guard frontEnd.mayAnswerWithStream(request.head) else { return try await answer(request, context, frontEnd) }
        // A task keeps the memory for as many calls as it was ever deep in, and a connection's task lives as long as its connection. Handlers
        // need some twenty kilobytes, once; without this every open stream would hold on to them.
        async let response = answer(request, context, frontEnd)
        return try await response
    }

    private func answer(_ request: Request, _ context: APIContext, _ frontEnd: any FrontEnd) async throws -> Response {
        var context = context
        let measurement = RequestMeasurement(
            metrics: metrics, route: frontEnd.route(of: request.head), method: request.method, logger: context.logger)
        context.requestID = RequestName.of(request)
        context.logger[metadataKey: "request.id"] = "\(context.requestID)"
        let named = context
        var response = await withLogger(context.logger) { _ in
            do {
                return try await frontEnd.respond(to: request, context: named)
            } catch {
                let (head, bytes) = frontEnd.response(to: Problem(error, named), requestID: named.requestID)
                return Response(status: head.status, headers: head.headerFields, body: ResponseBody(byteBuffer: bytes))
            }
        }
        response.headers[.requestID] = context.requestID
        // Outputs are whatever somebody's code printed: no browser may take them for a page.
        response.headers[.xContentTypeOptions] = "nosniff"
        measurement.answered(Int(response.status.code), requestID: context.requestID)
        if request.method == .head { response = response.createHeadResponse() }
        guard response.body.contentLength == nil else {
            measurement.end()
            return response
        }
        let body = response.body
        let eventLoop = context.channel.eventLoop
        response.body = ResponseBody { writer in
            defer { measurement.end() }
            try await body.write(PacedWriter(writer: writer, eventLoop: eventLoop))
        }
        return response
    }
}
