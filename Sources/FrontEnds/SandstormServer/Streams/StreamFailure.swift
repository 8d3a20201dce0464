package import SandstormCore
package import SandstormEngine

/// What the source of a stream may throw: something that a client can be told.
package protocol StreamFailure: Error {
    var problem: Problem { get }
}

extension EngineError: StreamFailure {
    package var problem: Problem { Problem(self) }
}

extension ProviderError: StreamFailure {
    package var problem: Problem { Problem(self) }
}
