import HTTPTypes

extension Problem {
    /// The kinds of problem. The names are part of the API: clients tell problems apart by them.
    enum Kind: String, CaseIterable, Sendable {
        // The engine's.
        case invalidRequest, notFound, idempotencyConflict, noOffer, tooBusy, storeUnavailable, shuttingDown, `internal`
        // HTTP's.
        case malformedHTTP, malformedJSON, invalidParameter, invalidHeader, unauthenticated, forbiddenOrigin, unknownRoute, methodNotAllowed
        case bodyTooLarge, unsupportedEncoding, headersTooLarge, clientGone, notReady

        /// The last part of the problem's `type`, in kebab-case.
        var name: String {
            switch self {
            case .malformedHTTP: "malformed-http"
            case .malformedJSON: "malformed-json"
            default: rawValue.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
            }
        }

        /// The one table of statuses.
        var status: HTTPResponse.Status {
            switch self {
            case .malformedHTTP, .malformedJSON, .invalidParameter, .invalidHeader: .badRequest
            case .unauthenticated: .unauthorized
            case .forbiddenOrigin: .forbidden
            case .notFound, .unknownRoute: .notFound
            case .methodNotAllowed: .methodNotAllowed
            case .idempotencyConflict: .conflict
            case .bodyTooLarge: .contentTooLarge
            case .unsupportedEncoding: .unsupportedMediaType
            case .invalidRequest, .noOffer: .unprocessableContent
            case .tooBusy: .tooManyRequests
            case .headersTooLarge: .requestHeaderFieldsTooLarge
            // Nobody reads it; nginx's number, for logs and metrics.
            case .clientGone: HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request")
            case .internal: .internalServerError
            case .storeUnavailable, .shuttingDown, .notReady: .serviceUnavailable
            }
        }

        /// The kind in a few words for people.
        var title: String {
            switch self {
            case .invalidRequest: "The request can't be right"
            case .notFound: "No such thing"
            case .idempotencyConflict: "The idempotency key was used for another request"
            case .noOffer: "Nothing can run this"
            case .tooBusy: "Too many runs are under way"
            case .storeUnavailable: "The journal can't be written"
            case .shuttingDown: "The gateway is stopping"
            case .internal: "Something broke inside the gateway"
            case .malformedHTTP: "The request is not HTTP"
            case .malformedJSON: "The body is not JSON"
            case .invalidParameter: "A query parameter is wrong"
            case .invalidHeader: "A header field is wrong"
            case .unauthenticated: "An API key is needed"
            case .forbiddenOrigin: "A gateway without keys answers only this machine"
            case .unknownRoute: "No such route"
            case .methodNotAllowed: "The route does not have this method"
            case .bodyTooLarge: "The body is too large"
            case .unsupportedEncoding: "The body's encoding is not understood"
            case .headersTooLarge: "The header fields are too large"
            case .clientGone: "The client went away"
            case .notReady: "The gateway is not ready"
            }
        }

        /// The same request may do better later.
        var isRetryable: Bool {
            switch self {
            case .tooBusy, .storeUnavailable, .shuttingDown, .internal, .notReady: true
            default: false
            }
        }

        /// Header fields that belong to the kind.
        var headers: HTTPFields {
            switch self {
            case .tooBusy: [.retryAfter: "1"]
            case .storeUnavailable, .shuttingDown, .notReady: [.retryAfter: "5"]
            case .unauthenticated: [.wwwAuthenticate: "Bearer realm=\"sandstorm\""]
            default: [:]
            }
        }
    }
}
