import HTTPTypes
import Logging
import SandstormCore

/// One request being measured. It counts when it is told to, or when nobody holds it any more: a client that left before its streaming
/// response began takes the response's body with it.
final class RequestMeasurement: Sendable {
    private let metrics: HTTPMetrics
    private let route: String
    private let method: HTTPRequest.Method
    private let logger: Logger
    private let start = ContinuousClock.now
    /// The status as far as it is known; `nil` after the request was counted.
    private let status = Locked<Int?>(499)
    private let requestID = Locked("")

    init(metrics: HTTPMetrics, route: String, method: HTTPRequest.Method, logger: Logger) {
        self.metrics = metrics
        self.route = route
        self.method = method
        self.logger = logger
        metrics.began()
    }

    deinit { end() }

    /// The response's head is known.
    func answered(_ code: Int, requestID id: String) {
        status.withLock { if $0 != nil { $0 = code } }
        requestID.withLock { $0 = id }
    }

    /// Counts the request. Calling again does nothing.
    func end() {
        guard let code = status.withLock({ $0.take() }) else { return }
        let duration = ContinuousClock.now - start
        metrics.ended(route: route, method: method, status: code, duration: duration)
        logger.debug(
            "request answered",
            metadata: [
                "request.id": "\(requestID.withLock { $0 })",
                "http.route": "\(route)", "http.method": "\(method.rawValue)", "http.status": "\(code)",
                "duration.ms": "\(duration.wholeMilliseconds)",
            ])
    }
}
