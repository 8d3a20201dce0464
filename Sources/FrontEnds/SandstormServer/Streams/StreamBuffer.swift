package import NIOCore
import SandstormCore

/// Bytes on their way from one producer to one consumer: bounded, so that a slow client slows down what it reads.
///
/// The consumer takes all that waits at once, so that events which came while it was writing go out in one write.
package final class StreamBuffer: Sendable {
    /// Why nothing follows.
    package enum End: Sendable {
        /// The source came to its end.
        case complete
        /// The source broke, or the gateway stops; to be told to the client.
        case problem(Problem)
        /// Nobody reads any more.
        case clientGone
    }

    private struct State {
        var pending = ByteBuffer()
        var end: End?
        var producer: CheckedContinuation<Void, Never>?
        var consumer: CheckedContinuation<Void, Never>?
    }

    private let state = Locked(State())
    private let limit: Int

    /// - Parameter limit: the producer waits while more than this many bytes do.
    package init(limit: Int = 64 * 1024) { self.limit = limit }

    /// Adds bytes, and waits while too many are pending.
    ///
    /// - Returns: `false` once the stream is at its end: the bytes went nowhere.
    package func write(_ bytes: ByteBuffer) async -> Bool {
        let consumer: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.end == nil else { return nil }
            if state.pending.readableBytes == 0 { state.pending = bytes } else { state.pending.writeImmutableBuffer(bytes) }
            return state.consumer.take()
        }
        consumer?.resume()
        await withCheckedContinuation { continuation in
            let mustWait = state.withLock { state in
                guard state.end == nil, state.pending.readableBytes > limit else { return false }
                state.producer = continuation
                return true
            }
            if !mustWait { continuation.resume() }
        }
        return state.withLock { $0.end == nil }
    }

    /// Adds bytes if the consumer has nothing to do, for a sign of life.
    package func writeIfIdle(_ bytes: ByteBuffer) {
        let consumer: CheckedContinuation<Void, Never>? = state.withLock { state in
            guard state.end == nil, let consumer = state.consumer.take() else { return nil }
            state.pending.writeImmutableBuffer(bytes)
            return consumer
        }
        consumer?.resume()
    }

    /// Ends the stream; what is pending is still taken, unless the client is gone. Only the first end counts.
    package func finish(_ end: End) {
        let waiters = state.withLock { state in
            if state.end == nil { state.end = end }
            if case .clientGone? = state.end { state.pending.clear() }
            return (state.producer.take(), state.consumer.take())
        }
        waiters.0?.resume()
        waiters.1?.resume()
    }

    /// Waits for bytes and takes all there are; then, again and again, why there are no more.
    package func take() async -> Taken {
        while true {
            await waitForBytes()
            let (taken, producer): (Taken?, CheckedContinuation<Void, Never>?) = state.withLock { state in
                guard state.pending.readableBytes > 0 else { return (state.end.map(Taken.end), nil) }
                defer { state.pending = ByteBuffer() }
                return (.bytes(state.pending), state.producer.take())
            }
            producer?.resume()
            if let taken { return taken }
        }
    }

    private func waitForBytes() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard state.end == nil, state.pending.readableBytes == 0 else { return false }
                    state.consumer = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            finish(.clientGone)
        }
    }

    /// What the consumer gets.
    package enum Taken: Sendable {
        case bytes(ByteBuffer)
        case end(End)
    }
}
