import SandstormCore
import SandstormEngine
import SandstormStore

extension SandstormError {
    /// A refusal of the embedded engine, as a gateway would tell it.
    init(_ error: EngineError) {
        let kind: Kind =
            switch error.kind {
            case .invalidRequest: .invalidRequest
            case .notFound: .notFound
            case .idempotencyConflict: .idempotencyConflict
            case .noOffer: .noOffer
            case .tooBusy: .tooBusy
            case .storeUnavailable, .shuttingDown: .unavailable
            case .sandboxEnded: .sandboxEnded
            case .conflict: .conflict
            case .fileNotFound: .fileNotFound
            case .fileForbidden: .forbidden
            case .diskFull: .diskFull
            case .unsupported: .unsupported
            case .providerFailed: .providerFailed
            case .providerTimedOut: .timedOut
            case .internal: .internal
            }
        self.init(kind, error.message, problems: error.problems, decision: error.decision, isRetryable: error.isRetryable)
    }

    /// The data directory can't be used; the store's own words name the remedy.
    init(_ error: StoreError) { self.init(.configuration, error.message) }
}
