package import SandstormCore
package import SandstormStore

/// Why the engine did not do what a caller asked. Nothing was started and nothing is charged.
///
/// A run that was accepted and then failed is no error of this kind: it has a result with a ``RunFailure``.
package struct EngineError: Error, Sendable, CustomStringConvertible {
    /// The kinds of refusal; each front end maps them to its dialect in one table.
    package enum Kind: String, CaseIterable, Hashable, Sendable {
        /// The request can't be right; see ``EngineError/problems``.
        case invalidRequest
        /// There is no such thing, or it belongs to another tenant.
        case notFound
        /// The idempotency key was used for another request.
        case idempotencyConflict
        /// No offer can run this spec within these constraints; see ``EngineError/decision``.
        case noOffer
        /// More runs are under way than this gateway takes.
        case tooBusy
        /// The journal can't be written: nothing is accepted until it can.
        case storeUnavailable
        /// The gateway is stopping.
        case shuttingDown
        /// The sandbox is there no more.
        case sandboxEnded
        /// Not in the state that something or somebody is in: a sandbox that is paused, a file that exists.
        case conflict
        /// There is no such file.
        case fileNotFound
        /// The sandbox's user may not do that with a file.
        case fileForbidden
        /// The sandbox's disk is full.
        case diskFull
        /// The place can't do that.
        case unsupported
        /// The place failed.
        case providerFailed
        /// The place did not answer in time.
        case providerTimedOut
        /// Something broke inside.
        case `internal`
    }

    package var kind: Kind
    /// Safe for callers.
    package var message: String
    package var problems: [FieldProblem] = []
    /// What was looked at and dropped, with `noOffer`.
    package var decision: Decision?

    package init(_ kind: Kind, _ message: String, problems: [FieldProblem] = [], decision: Decision? = nil) {
        self.kind = kind
        self.message = message
        self.problems = problems
        self.decision = decision
    }

    package init(_ invalid: InvalidRequest) {
        self.init(.invalidRequest, "the request has \(invalid.problems.count) problem(s)", problems: invalid.problems)
    }

    /// The same request may do better later.
    package var isRetryable: Bool {
        switch kind {
        case .tooBusy, .storeUnavailable, .shuttingDown, .internal, .providerFailed, .providerTimedOut: true
        case .invalidRequest, .notFound, .idempotencyConflict, .noOffer, .sandboxEnded, .conflict, .fileNotFound, .fileForbidden,
            .diskFull, .unsupported:
            false
        }
    }

    package var description: String { "\(kind.rawValue): \(message)" }
}

extension EngineError {
    package init(_ error: StoreError) {
        self.init(error.kind == .corrupt ? .internal : .storeUnavailable, error.description)
    }
}

extension EngineError {
    /// What a place said of something done in a living sandbox.
    package init(_ error: ProviderError) {
        let kind: Kind =
            switch (error.code, error.fileProblem) {
            case (_, .notFound): .fileNotFound
            case (_, .exists), (_, .notEmpty), (_, .isDirectory), (_, .notDirectory): .conflict
            case (_, .notPermitted): .fileForbidden
            case (_, .noSpace): .diskFull
            case (.invalid, _): .invalidRequest
            case (.unsupported, _): .unsupported
            case (.notFound, _), (.interrupted, _): .sandboxEnded
            case (.timedOut, _): .providerTimedOut
            default: .providerFailed
            }
        self.init(kind, error.message)
    }
}

extension EngineError {
    /// Why a sandbox that was asked for did not come to be.
    init(_ failure: RunFailure) {
        let kind: Kind =
            switch failure.kind {
            case .noOffer, .unsupported, .costLimit: .noOffer
            case .tooBusy: .tooBusy
            case .refused: .invalidRequest
            case .gatewayStopped: .shuttingDown
            case .internal: .internal
            case .timeout, .latencyLimit: .providerTimedOut
            case .cancelled: .sandboxEnded
            case .providersFailed, .sandboxLost, .outOfMemory: .providerFailed
            }
        self.init(kind, failure.detail)
    }
}
