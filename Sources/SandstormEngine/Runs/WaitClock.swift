import SandstormCore

/// Measures how long a run waited for others, so that what is left is the gateway's own.
///
/// Waits are for providers, for the user's code, and for a client that reads slowly. The journal's writes are no waits: that
/// they are durable before anything happens is what the gateway does. Waits that overlap count once.
final class WaitClock: Sendable {
    private struct State {
        var depth = 0
        var since = ContinuousClock.now
        var total = Duration.zero
    }

    private let begun: ContinuousClock.Instant
    private let state = Locked(State())

    /// - Parameter begun: when the request arrived.
    init(since begun: ContinuousClock.Instant) { self.begun = begun }

    /// Counts the time that `body` takes as a wait.
    func during<Value, Failure: Error>(_ body: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        state.withLock { state in
            if state.depth == 0 { state.since = .now }
            state.depth += 1
        }
        defer {
            state.withLock { state in
                state.depth -= 1
                if state.depth == 0 { state.total += state.since.duration(to: .now) }
            }
        }
        return try await body()
    }

    /// The time since the request arrived that was not spent waiting.
    var overhead: Duration {
        state.withLock { state in
            let now = ContinuousClock.now
            let waiting = state.depth > 0 ? state.since.duration(to: now) : .zero
            return max(.zero, begun.duration(to: now) - state.total - waiting)
        }
    }
}
