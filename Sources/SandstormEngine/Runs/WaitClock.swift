import SandstormCore

/// Measures how long a run waited for others, so that what is left is the gateway's own.
///
/// Waits are for providers, for the user's code, for a client that reads slowly, and for the journal, which is as far away as its disk
/// or its database is. Waits that overlap count once. Those for the journal are told apart too, since they are there for the gateway's
/// sake.
final class WaitClock: Sendable {
    /// The time that one or more waits took.
    private struct Union {
        var depth = 0
        var since = ContinuousClock.now
        var total = Duration.zero

        mutating func begin(_ now: ContinuousClock.Instant) {
            if depth == 0 { since = now }
            depth += 1
        }

        mutating func end(_ now: ContinuousClock.Instant) {
            depth -= 1
            if depth == 0 { total += since.duration(to: now) }
        }

        func total(at now: ContinuousClock.Instant) -> Duration { depth > 0 ? total + since.duration(to: now) : total }
    }

    private struct State {
        var all = Union()
        var journal = Union()
    }

    private let begun: ContinuousClock.Instant
    private let state = Locked(State())

    /// - Parameter begun: when the request arrived.
    init(since begun: ContinuousClock.Instant) { self.begun = begun }

    /// Counts the time that `body` takes as a wait.
    func during<Value, Failure: Error>(_ body: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        state.withLock { $0.all.begin(.now) }
        defer { state.withLock { $0.all.end(.now) } }
        return try await body()
    }

    /// Counts the time that `body` takes as a wait for the journal.
    func journaling<Value, Failure: Error>(_ body: () async throws(Failure) -> Value) async throws(Failure) -> Value {
        state.withLock { state in
            let now = ContinuousClock.now
            state.all.begin(now)
            state.journal.begin(now)
        }
        defer {
            state.withLock { state in
                let now = ContinuousClock.now
                state.all.end(now)
                state.journal.end(now)
            }
        }
        return try await body()
    }

    /// How the time since the request arrived was spent.
    var overhead: RunOverhead {
        state.withLock { state in
            let now = ContinuousClock.now
            return RunOverhead(
                own: max(.zero, begun.duration(to: now) - state.all.total(at: now)), journal: state.journal.total(at: now))
        }
    }
}

/// What the gateway added to a run's time.
package struct RunOverhead: Hashable, Sendable {
    /// From the request's arrival until the run is settled, without all waits.
    package var own: Duration
    /// Spent waiting until the journal was durable.
    package var journal: Duration
}
