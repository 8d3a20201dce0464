package import HTTPTypes

extension Problem {
    /// The kinds of problem. The names are part of the API: clients tell problems apart by them.
    package enum Kind: String, CaseIterable, Sendable {
        // The engine's.
        case invalidRequest, notFound, idempotencyConflict, noOffer, tooBusy, storeUnavailable, shuttingDown, `internal`
        case sandboxEnded, conflict, fileNotFound, fileForbidden, diskFull, unsupported, providerFailed, providerTimedOut
        // HTTP's.
        case malformedHTTP, malformedJSON, invalidParameter, invalidHeader, unauthenticated, forbiddenOrigin, unknownRoute, methodNotAllowed
        case upgradeRequired, requestTimeout, portUnreachable, portTimedOut
        case bodyTooLarge, unsupportedEncoding, rangeNotSatisfiable, headersTooLarge, clientGone, notReady

        /// The last part of the problem's `type`, in kebab-case.
        package var name: String {
            switch self {
            case .malformedHTTP: "malformed-http"
            case .malformedJSON: "malformed-json"
            default: rawValue.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
            }
        }

        /// The one table of statuses.
        package var status: HTTPResponse.Status {
            switch self {
            case .malformedHTTP, .malformedJSON, .invalidParameter, .invalidHeader: .badRequest
            case .unauthenticated: .unauthorized
            case .forbiddenOrigin: .forbidden
            case .notFound, .unknownRoute, .fileNotFound: .notFound
            case .fileForbidden: .forbidden
            case .conflict: .conflict
            case .sandboxEnded: .gone
            case .diskFull: HTTPResponse.Status(code: 507, reasonPhrase: "Insufficient Storage")
            case .unsupported: .notImplemented
            case .providerFailed: .badGateway
            case .providerTimedOut: .gatewayTimeout
            case .upgradeRequired: HTTPResponse.Status(code: 426, reasonPhrase: "Upgrade Required")
            case .requestTimeout: .requestTimeout
            case .portUnreachable: .badGateway
            case .portTimedOut: .gatewayTimeout
            case .methodNotAllowed: .methodNotAllowed
            case .idempotencyConflict: .conflict
            case .bodyTooLarge: .contentTooLarge
            case .unsupportedEncoding: .unsupportedMediaType
            case .rangeNotSatisfiable: .rangeNotSatisfiable
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
        package var title: String {
            switch self {
            case .invalidRequest: "The request can't be right"
            case .notFound: "No such thing"
            case .idempotencyConflict: "The idempotency key was used for another request"
            case .noOffer: "Nothing can run this"
            case .tooBusy: "Too many runs are under way"
            case .storeUnavailable: "The journal can't be written"
            case .shuttingDown: "The gateway is stopping"
            case .internal: "Something broke inside the gateway"
            case .sandboxEnded: "The sandbox is there no more"
            case .conflict: "Things are not in the state that this needs"
            case .fileNotFound: "No such file"
            case .fileForbidden: "The sandbox's user may not do that"
            case .diskFull: "The sandbox's disk is full"
            case .unsupported: "The sandbox's provider can't do that"
            case .providerFailed: "The sandbox's provider failed"
            case .providerTimedOut: "The sandbox's provider did not answer in time"
            case .malformedHTTP: "The request is not HTTP"
            case .malformedJSON: "The body is not JSON"
            case .invalidParameter: "A query parameter is wrong"
            case .invalidHeader: "A header field is wrong"
            case .unauthenticated: "An API key is needed"
            case .forbiddenOrigin: "A gateway without keys answers only this machine"
            case .unknownRoute: "No such route"
            case .methodNotAllowed: "The route does not have this method"
            case .upgradeRequired: "A WebSocket handshake is needed"
            case .requestTimeout: "The request did not come in time"
            case .portUnreachable: "The sandbox's port does not answer"
            case .portTimedOut: "The sandbox's port did not answer in time"
            case .bodyTooLarge: "The body is too large"
            case .unsupportedEncoding: "The body's encoding is not understood"
            case .rangeNotSatisfiable: "The file has no such part"
            case .headersTooLarge: "The header fields are too large"
            case .clientGone: "The client went away"
            case .notReady: "The gateway is not ready"
            }
        }

        /// The same request may do better later.
        package var isRetryable: Bool {
            switch self {
            case .tooBusy, .storeUnavailable, .shuttingDown, .internal, .notReady, .providerFailed, .providerTimedOut, .portUnreachable,
                .portTimedOut,
                .requestTimeout:
                true
            default: false
            }
        }

        /// Header fields that belong to the kind.
        package var headers: HTTPFields {
            switch self {
            case .tooBusy: [.retryAfter: "1"]
            case .storeUnavailable, .shuttingDown, .notReady: [.retryAfter: "5"]
            case .upgradeRequired: [.connection: "Upgrade", .upgrade: "websocket", .webSocketVersion: "13"]
            case .unauthenticated: [.wwwAuthenticate: "Bearer realm=\"sandstorm\""]
            default: [:]
            }
        }
    }
}
