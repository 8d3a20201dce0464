import HTTPTypes
import SandstormCore
import SandstormServer

extension E2BError {
    /// What the gateway refused, in this dialect's words for the control plane.
    init(_ problem: Problem) {
        let details = problem.problems.prefix(20).map { "\($0.pointer) \($0.detail): \($0.remedy)" }
        let message = ([problem.detail] + details).joined(separator: "; ")
        switch problem.kind {
        case .invalidRequest, .malformedJSON, .invalidParameter, .invalidHeader, .malformedHTTP:
            self.init(.badRequest, message, headers: problem.headers)
        case .noOffer:
            // Nothing left to try: an SDK that tries again three times would only wait.
            self.init(.serviceUnavailable, message, code: "sandbox_capacity_unavailable", headers: [.shouldRetry: "false"])
        case .tooBusy:
            self.init(.tooManyRequests, message, headers: problem.headers)
        case .sandboxEnded: self.init(.notFound, message)
        case .unsupported: self.init(.badRequest, message)
        case .providerFailed, .providerTimedOut, .internal:
            self.init(.internalServerError, message, code: "internal_server_error", headers: problem.headers)
        default: self.init(problem.kind.status, message, headers: problem.headers)
        }
    }
}

extension HTTPField.Name {
    /// Whether the SDK may send the same request again; it asks nothing else where this is given.
    static let shouldRetry = HTTPField.Name.known("Should-Retry")
}
