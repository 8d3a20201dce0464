import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormWire

/// Carries a request's body to a server that may answer before it has read it.
///
/// The body has one reader at all times: this. Before anybody else may read on (Hummingbird looks for the next request behind the body),
/// ``stop()`` cancels and awaits it.
final class UploadPump: Sendable {
    private struct State {
        var lastProgress = ContinuousClock.now
        var isComplete = false
    }

    private let state: Locked<State>
    private let queue: BoundedQueue<ByteBuffer>
    private let task: Task<Void, Never>

    init(_ body: RequestBody) {
        let state = Locked(State())
        let queue = BoundedQueue<ByteBuffer>(limit: 64 * 1024) { $0.readableBytes }
        self.state = state
        self.queue = queue
        task = Task {
            do {
                for try await bytes in body {
                    state.withLock { $0.lastProgress = .now }
                    guard await queue.put(bytes) else { return }
                    state.withLock { $0.lastProgress = .now }
                }
                guard !Task.isCancelled else { return queue.abandon() }
                state.withLock { state in
                    state.isComplete = true
                    state.lastProgress = .now
                }
                queue.finish()
            } catch {
                queue.abandon()
            }
        }
    }

    deinit {
        queue.abandon()
        task.cancel()
    }

    /// When the last part of the body was taken.
    var lastProgress: ContinuousClock.Instant { state.withLock { $0.lastProgress } }

    /// Whether all of the body was read from the client.
    var isComplete: Bool { state.withLock { $0.isComplete } }

    /// Stops reading the body; returns when nobody reads it any more.
    func stop() async {
        queue.abandon()
        task.cancel()
        await task.value
    }

    /// The body for the server.
    var bytes: Bytes { Bytes(pump: self) }

    struct Bytes: AsyncSequence, Sendable {
        typealias Element = ByteBuffer
        let pump: UploadPump

        func makeAsyncIterator() -> Iterator { Iterator(pump: pump) }

        struct Iterator: AsyncIteratorProtocol {
            let pump: UploadPump

            mutating func next() async throws -> ByteBuffer? {
                if let bytes = await pump.queue.take() { return bytes }
                // A body that was cut must not pass for a whole one.
                guard pump.isComplete, !pump.queue.isAbandoned else { throw Cut() }
                return nil
            }
        }

        /// The client broke its request off.
        struct Cut: Error {}
    }
}
