import NIOCore
import SandstormCore

/// Bytes on their way into a sandbox, asked for by one reader.
///
/// What the source throws is kept, so that the caller is told of that and not of the broken request that followed from it.
final class Upload: Sendable, AsyncSequence {
    typealias Element = ByteBuffer

    private let pull: @Sendable () async throws -> [UInt8]?
    private let cause = Locked<(any Error)?>(nil)

    /// What the source threw.
    var failure: (any Error)? { cause.withLock { $0 } }

    init<Bytes: AsyncSequence & Sendable>(_ bytes: Bytes) where Bytes.Element == [UInt8] {
        let reader = SequenceReader(bytes)
        pull = { try await reader.next() }
    }

    func next() async throws -> ByteBuffer? {
        do {
            while let piece = try await pull() {
                if !piece.isEmpty { return ByteBuffer(bytes: piece) }
            }
            return nil
        } catch {
            cause.withLock { $0 = error }
            throw error
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(upload: self) }

    struct Iterator: AsyncIteratorProtocol {
        let upload: Upload

        mutating func next() async throws -> ByteBuffer? { try await upload.next() }
    }
}

/// Draws from a sequence whose iterator belongs to no task.
private actor SequenceReader<Bytes: AsyncSequence & Sendable> where Bytes.Element == [UInt8] {
    private var iterator: Bytes.AsyncIterator

    init(_ bytes: Bytes) { iterator = bytes.makeAsyncIterator() }

    func next() async throws -> [UInt8]? {
        // An iterator can't be advanced in place across a suspension; there is one reader, so that nobody else advances it meanwhile.
        var iterator = iterator
        let piece = try await iterator.next(isolation: self)
        self.iterator = iterator
        return piece
    }
}
