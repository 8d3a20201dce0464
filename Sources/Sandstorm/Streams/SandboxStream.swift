import SandstormCore

/// What comes out of a sandbox piece by piece, with back pressure: nothing is read that was not asked for. One consumer.
///
/// A sequence that ends without an error is complete; one that was cut throws. Letting go of it and of its iterator ends its source.
public struct SandboxStream<Element: Sendable>: AsyncSequence, Sendable {
    /// Why there is no more.
    public typealias Failure = SandstormError

    private let pull: @Sendable () async throws(SandstormError) -> Element?

    init(_ pull: @escaping @Sendable () async throws(SandstormError) -> Element?) { self.pull = pull }

    /// For the one consumer: all iterators draw from the same source.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(pull: pull) }

    /// Asks for one piece after the other.
    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let pull: @Sendable () async throws(SandstormError) -> Element?

        /// The next piece; `nil` after the last.
        public mutating func next() async throws -> Element? { try await pull() }

        /// The next piece, for a caller isolated to `actor`; `nil` after the last.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(SandstormError) -> Element? { try await pull() }
    }
}

extension SandboxStream where Element == [UInt8] {
    /// All bytes in one array.
    ///
    /// - Throws: ``SandstormError`` of kind `invalidRequest` beyond `limit` bytes.
    public func collect(upTo limit: Int) async throws(SandstormError) -> [UInt8] {
        var all: [UInt8] = []
        while let piece = try await pull() {
            guard all.count + piece.count <= limit else {
                throw SandstormError(
                    .invalidRequest, "there are more than the \(limit) bytes that were to be read at once; read it as a stream")
            }
            all += piece
        }
        return all
    }
}
