import HTTPTypes
import Hummingbird
import HummingbirdCore

/// Counts and times every request, streams to their end; and takes the body from answers to `HEAD`, problem documents included.
struct MeasureMiddleware: RouterMiddleware {
    let metrics: HTTPMetrics

    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        let measurement = RequestMeasurement(
            metrics: metrics, route: Endpoint(path: request.uri.path), method: request.method, logger: context.logger)
        var response = try await next(request, context)
        measurement.answered(Int(response.status.code), requestID: response.headers[.requestID] ?? "")
        if request.method == .head { response = response.createHeadResponse() }
        guard response.body.contentLength == nil else {
            measurement.end()
            return response
        }
        let body = response.body
        response.body = ResponseBody { writer in
            defer { measurement.end() }
            try await body.write(writer)
        }
        return response
    }
}
