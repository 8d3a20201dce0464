package import SandstormCore

/// The events of one run from some point on. One consumer; with back pressure where the run belongs to that consumer.
package struct RunEvents: AsyncSequence, Sendable {
    package typealias Element = RunEvent
    package typealias Failure = EngineError

    private let pull: @Sendable () async throws(EngineError) -> RunEvent?

    package init(_ pull: @escaping @Sendable () async throws(EngineError) -> RunEvent?) { self.pull = pull }

    package func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    /// Asks for one event after the other.
    package struct Iterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws(EngineError) -> RunEvent?

        package mutating func next() async throws -> RunEvent? { try await pull() }

        package mutating func next(isolation actor: isolated (any Actor)?) async throws(EngineError) -> RunEvent? { try await pull() }
    }
}
