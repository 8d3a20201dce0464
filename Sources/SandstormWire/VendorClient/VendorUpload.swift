import NIOCore
import SandstormCore

/// Carries a request's body from its source to the HTTP client, which may stop reading at any time.
///
/// The source is read by ``run()`` alone. The client's own reader lives on for a while after a server that answered early; it finds only
/// this queue, and never the source.
final class VendorUpload: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private struct State {
        var lastProgress = ContinuousClock.now
        var failure: ProviderError?
        var isComplete = false
    }

    private let source: ByteStream
    private let queue = BoundedQueue<ByteBuffer>(limit: 256 * 1024) { $0.readableBytes }
    private let state = Locked(State())

    init(_ source: ByteStream) { self.source = source }

    /// When the last piece was read or taken.
    var lastProgress: ContinuousClock.Instant { state.withLock(\.lastProgress) }
    /// Why the source ended early.
    var failure: ProviderError? { state.withLock(\.failure) }

    /// Reads the source to its end, or until the task is cancelled.
    func run() async {
        var iterator = source.makeAsyncIterator()
        do throws(ProviderError) {
            while let piece = try await iterator.next(isolation: nil) {
                state.withLock { $0.lastProgress = .now }
                guard piece.readableBytes > 0 else { continue }
                guard await queue.put(piece) else { return queue.abandon() }
                state.withLock { $0.lastProgress = .now }
            }
            guard !Task.isCancelled else { return queue.abandon() }
            state.withLock { $0.isComplete = true }
            queue.finish()
        } catch {
            state.withLock { $0.failure = error }
            queue.abandon()
        }
    }

    func makeAsyncIterator() -> Iterator { Iterator(upload: self) }

    struct Iterator: AsyncIteratorProtocol {
        let upload: VendorUpload

        mutating func next() async throws -> ByteBuffer? {
            if let piece = await upload.queue.take() {
                upload.state.withLock { $0.lastProgress = .now }
                return piece
            }
            // A body that was cut must not pass for a whole one.
            guard upload.state.withLock(\.isComplete), !upload.queue.isAbandoned else { throw Cut() }
            return nil
        }
    }

    struct Cut: Error {}
}
