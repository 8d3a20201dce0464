/// Why a call failed: the protocol's closed list.
package enum ConnectCode: String, CaseIterable, Hashable, Sendable {
    case canceled
    case unknown
    case invalidArgument = "invalid_argument"
    case deadlineExceeded = "deadline_exceeded"
    case notFound = "not_found"
    case alreadyExists = "already_exists"
    case permissionDenied = "permission_denied"
    case resourceExhausted = "resource_exhausted"
    case failedPrecondition = "failed_precondition"
    case aborted
    case outOfRange = "out_of_range"
    case unimplemented
    case `internal`
    case unavailable
    case dataLoss = "data_loss"
    case unauthenticated

    /// The status that a unary answer with this code has.
    package var httpStatus: Int {
        switch self {
        case .canceled: 499
        case .unknown, .internal, .dataLoss: 500
        case .invalidArgument, .failedPrecondition, .outOfRange: 400
        case .deadlineExceeded: 504
        case .notFound: 404
        case .alreadyExists, .aborted: 409
        case .permissionDenied: 403
        case .resourceExhausted: 429
        case .unimplemented: 501
        case .unavailable: 503
        case .unauthenticated: 401
        }
    }

    /// What an answer means that does not speak the protocol, such as a proxy's.
    package init(httpStatus: Int) {
        self =
            switch httpStatus {
            case 400: .invalidArgument
            case 401: .unauthenticated
            case 403: .permissionDenied
            case 404: .notFound
            case 409: .alreadyExists
            case 413, 429: .resourceExhausted
            case 499: .canceled
            case 500: .internal
            case 501, 505: .unimplemented
            case 502, 503: .unavailable
            case 504: .deadlineExceeded
            default: .unknown
            }
    }
}
