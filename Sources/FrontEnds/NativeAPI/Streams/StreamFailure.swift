import SandstormCore
import SandstormEngine

/// What the source of a stream may throw: something that a client can be told.
protocol StreamFailure: Error {
    var problem: Problem { get }
}

extension EngineError: StreamFailure {
    var problem: Problem { Problem(self) }
}

extension ProviderError: StreamFailure {
    var problem: Problem { Problem(self) }
}
