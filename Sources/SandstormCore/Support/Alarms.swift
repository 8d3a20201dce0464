/// Calls back once an instant has come: for limits that are hardly ever reached.
///
/// A task that sleeps costs a timer of its own, which stays until its time has come even if the task is cancelled: a thousand runs a
/// second, each with a limit of two minutes, would leave 120,000 of them. Here all share one sleeping task, and what is called off is gone.
/// Late by up to ``tick``, never early.
package final class Alarms: Sendable {
    package static let shared = Alarms()

    /// Alarms within the same tick are rung together.
    package static let tick = Duration.milliseconds(5)

    /// An alarm that was set.
    package struct Alarm: Sendable {
        fileprivate let alarms: Alarms
        fileprivate let slot: Int64
        fileprivate let number: UInt64

        /// Calls it off. It may be ringing at this moment; afterwards nothing happens.
        package func cancel() { alarms.cancel(self) }
    }

    private struct State {
        /// By the tick at whose end they ring, then by number.
        var slots: [Int64: [UInt64: @Sendable () -> Void]] = [:]
        var lastNumber: UInt64 = 0
        /// The slot for which a task sleeps; `nil` if none does.
        var awaited: Int64?
    }

    private let start = ContinuousClock.now
    private let state = Locked(State())

    package init() {}

    /// How many are set; for tests.
    package var count: Int { state.withLock { $0.slots.values.reduce(0) { $0 + $1.count } } }

    /// - Parameter ring: called once, on any thread; it must not block.
    package func set(at instant: ContinuousClock.Instant, _ ring: @escaping @Sendable () -> Void) -> Alarm {
        let slot = slot(of: instant) + 1
        let (number, isNext) = state.withLock { state in
            state.lastNumber += 1
            state.slots[slot, default: [:]][state.lastNumber] = ring
            let isNext = slot < state.awaited ?? .max
            if isNext { state.awaited = slot }
            return (state.lastNumber, isNext)
        }
        if isNext { sleep(until: slot) }
        return Alarm(alarms: self, slot: slot, number: number)
    }

    private func cancel(_ alarm: Alarm) {
        // What the closure holds is let go of outside: that may be anything.
        let ring = state.withLock { state in
            let ring = state.slots[alarm.slot]?.removeValue(forKey: alarm.number)
            if state.slots[alarm.slot]?.isEmpty == true { state.slots[alarm.slot] = nil }
            return ring
        }
        _ = ring
    }

    /// Distant instants are as good as never.
    private func slot(of instant: ContinuousClock.Instant) -> Int64 {
        Int64(min(max(0, (instant - start) / Alarms.tick), 1e15))
    }

    private func sleep(until slot: Int64) {
        // Of no caller's priority: others rely on it.
        Task.detached(priority: .high) { [self] in
            try? await Task.sleep(until: start + Alarms.tick * Int(slot))
            awake(at: slot)
        }
    }

    /// - Parameter slot: the one for which the task has slept; another one may have come first meanwhile.
    private func awake(at slot: Int64) {
        let now = self.slot(of: .now)
        let (due, next) = state.withLock { state in
            var due: [@Sendable () -> Void] = []
            for slot in state.slots.keys.filter({ $0 <= now }) {
                due += state.slots.removeValue(forKey: slot)?.values.map(\.self) ?? []
            }
            // The task that sleeps for an earlier slot goes on from here; only one does.
            guard let awaited = state.awaited, awaited >= slot else { return (due, Int64?.none) }
            state.awaited = state.slots.keys.min()
            return (due, state.awaited)
        }
        for ring in due { ring() }
        if let next { sleep(until: next) }
    }
}
