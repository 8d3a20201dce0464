package import SandstormCore
package import SandstormEngine
package import SandstormStore

extension Problem {
    /// What the engine refused, in HTTP's words.
    package init(_ error: EngineError) {
        self.init(Kind(error.kind), error.message)
        problems = error.problems
        decision = error.decision
    }

    /// What a place said of something done in a living sandbox.
    package init(_ error: ProviderError) {
        self.init(EngineError(error))
    }

    /// What is wrong with a body.
    package init(_ invalid: InvalidRequest) {
        self.init(EngineError(invalid))
    }

    /// The keys could not be looked up.
    package init(_ error: StoreError) {
        // The store's own words are for operators.
        self.init(.storeUnavailable, "the gateway's store does not answer")
    }
}

extension Problem.Kind {
    package init(_ kind: EngineError.Kind) {
        self =
            switch kind {
            case .invalidRequest: .invalidRequest
            case .notFound: .notFound
            case .idempotencyConflict: .idempotencyConflict
            case .noOffer: .noOffer
            case .tooBusy: .tooBusy
            case .storeUnavailable: .storeUnavailable
            case .shuttingDown: .shuttingDown
            case .sandboxEnded: .sandboxEnded
            case .conflict: .conflict
            case .fileNotFound: .fileNotFound
            case .fileForbidden: .fileForbidden
            case .diskFull: .diskFull
            case .unsupported: .unsupported
            case .providerFailed: .providerFailed
            case .providerTimedOut: .providerTimedOut
            case .internal: .internal
            }
    }
}
