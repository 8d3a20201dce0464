public import SandstormCore

/// Why a call did not do what it was asked.
///
/// A run that was accepted and then failed is no error of this kind: it has a result with a ``RunFailure``.
public struct SandstormError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure, the same for a gateway and for the embedded engine.
    public enum Kind: String, CaseIterable, Hashable, Sendable {
        /// The request can't be right; see ``SandstormError/problems``. Nothing was started.
        case invalidRequest
        /// The API key is missing, unknown or revoked.
        case unauthenticated
        /// The API key may not do this.
        case forbidden
        /// There is no such thing, or it belongs to someone else.
        case notFound
        /// The idempotency key was used for another request.
        case idempotencyConflict
        /// No offer can run this within the constraints; see ``SandstormError/decision``.
        case noOffer
        /// The sandbox is there no more.
        case sandboxEnded
        /// Things are not in the state that this needs: a sandbox is paused, a file exists.
        case conflict
        /// There is no such file in the sandbox.
        case fileNotFound
        /// The sandbox's disk is full.
        case diskFull
        /// The sandbox's provider can't do that.
        case unsupported
        /// The sandbox's provider failed.
        case providerFailed
        /// The gateway takes no more at the moment.
        case tooBusy
        /// The gateway is stopping, or can't write its journal.
        case unavailable
        /// The gateway can't be reached: refused, unknown name, or no secure connection.
        case unreachable
        /// The gateway did not answer in time.
        case timedOut
        /// The connection was lost for good before the outcome was known. The run may have happened.
        case interrupted
        /// What answered does not speak Sandstorm's API.
        case badAnswer
        /// The caller's task was cancelled.
        case cancelled
        /// The gateway's address or the data directory can't be used as it is.
        case configuration
        /// Something broke inside.
        case `internal`
    }

    /// What to act on.
    public var kind: Kind
    /// For people; without secrets.
    public var message: String
    /// Everything that is wrong with the request.
    public var problems: [FieldProblem] = []
    /// What was looked at and dropped, with `noOffer`.
    public var decision: Decision?
    /// The HTTP status, if a gateway answered.
    public var status: Int?
    /// By what the gateway's operator finds the request in the logs.
    public var requestID: String?
    /// The same call may do better later.
    public var isRetryable: Bool
    /// How long the gateway asks to be left alone.
    var retryAfter: Duration?

    /// An error; whether it is retryable follows from the kind unless it is told.
    public init(
        _ kind: Kind, _ message: String, problems: [FieldProblem] = [], decision: Decision? = nil, status: Int? = nil,
        requestID: String? = nil, isRetryable: Bool? = nil
    ) {
        self.kind = kind
        self.message = message
        self.problems = problems
        self.decision = decision
        self.status = status
        self.requestID = requestID
        self.isRetryable = isRetryable ?? kind.isUsuallyRetryable
    }

    /// The message and each problem on a line of its own.
    public var description: String { ([message] + problems.map { "  " + $0.description }).joined(separator: "\n") }
}

extension SandstormError {
    init(_ invalid: InvalidRequest) {
        let count = invalid.problems.count
        self.init(
            .invalidRequest, count == 1 ? "the request has a problem" : "the request has \(count) problems", problems: invalid.problems)
    }

    /// Repeating the call soon may well help. Less than ``isRetryable``: what broke inside breaks again at once.
    var isTransient: Bool {
        switch kind {
        case .tooBusy, .unavailable, .unreachable, .timedOut, .interrupted: isRetryable
        default: false
        }
    }

    static let cancelled = SandstormError(.cancelled, "cancelled")
}

extension SandstormError.Kind {
    fileprivate var isUsuallyRetryable: Bool {
        switch self {
        case .tooBusy, .unavailable, .unreachable, .timedOut, .interrupted, .internal, .providerFailed: true
        case .invalidRequest, .unauthenticated, .forbidden, .notFound, .idempotencyConflict, .noOffer, .badAnswer, .cancelled,
            .configuration, .sandboxEnded, .conflict, .fileNotFound, .diskFull, .unsupported:
            false
        }
    }
}
