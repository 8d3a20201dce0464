/// Elements that are made when they are asked for, so that whoever does not ask holds up their source. One consumer.
///
/// What the closure keeps alive lives as long as the sequence or an iterator does: letting go of both ends the source.
public struct PulledSequence<Element: Sendable>: AsyncSequence, Sendable {
    /// What a sequence throws that is cut before its end.
    public typealias Failure = ProviderError

    private let pull: @Sendable () async throws(ProviderError) -> Element?

    /// A sequence that asks `pull` for each element; `nil` ends it.
    public init(_ pull: @escaping @Sendable () async throws(ProviderError) -> Element?) { self.pull = pull }

    /// For the one consumer: all iterators draw from the same source.
    public func makeAsyncIterator() -> Iterator { Iterator(pull: pull) }

    /// Asks for one element after the other.
    public struct Iterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws(ProviderError) -> Element?

        /// The next element, `nil` at the end; throws nothing but ``ProviderError``.
        public mutating func next() async throws -> Element? { try await pull() }

        /// The next element, `nil` at the end.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(ProviderError) -> Element? { try await pull() }
    }
}
