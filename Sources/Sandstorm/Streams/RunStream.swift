public import SandstormCore

/// The events of one run. One consumer, with back pressure: nothing is read from the gateway that was not asked for.
///
/// A sequence that ends without an error is complete. One that was cut is resumed where it stopped; if that can't be done it
/// throws ``SandstormError`` of kind `interrupted`, and never ends as if all were well.
public struct RunStream: AsyncSequence, Sendable {
    /// Something that happened to the run.
    public typealias Element = RunEvent
    /// Why there are no more events.
    public typealias Failure = SandstormError

    private let open: @Sendable () throws(SandstormError) -> any EventSource

    init(_ open: @escaping @Sendable () throws(SandstormError) -> any EventSource) { self.open = open }

    /// Begins to read; nothing is started or asked for before the first `next`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(open: open) }

    /// Asks for one event after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let open: @Sendable () throws(SandstormError) -> any EventSource
        private var hold: Hold?

        fileprivate init(open: @escaping @Sendable () throws(SandstormError) -> any EventSource) { self.open = open }

        /// The next event; `nil` after the last.
        public mutating func next() async throws -> RunEvent? { try await pull() }

        /// The next event, for a caller isolated to `actor`; `nil` after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(SandstormError) -> RunEvent? {
            try await pull(isolation: actor)
        }

        private mutating func pull(isolation actor: isolated (any Actor)? = #isolation) async throws(SandstormError) -> RunEvent? {
            if hold == nil { hold = Hold(try open()) }
            return try await hold?.source.next()
        }
    }

    /// Tells the source when its consumer is gone.
    private final class Hold: Sendable {
        let source: any EventSource

        init(_ source: any EventSource) { self.source = source }

        deinit { source.abandon() }
    }
}
