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
        case .tooBusy, .storeUnavailable, .shuttingDown, .internal: true
        case .invalidRequest, .notFound, .idempotencyConflict, .noOffer: false
        }
    }

    package var description: String { "\(kind.rawValue): \(message)" }
}

extension EngineError {
    package init(_ error: StoreError) {
        self.init(error.kind == .corrupt ? .internal : .storeUnavailable, error.description)
    }
}
