import SandstormCore

/// Wakes every task that waits for some state to change.
///
/// The state itself lives elsewhere: read ``version``, look at the state, and if it is not as wanted, ``wait(after:)`` that version.
/// A change in between makes the wait return at once, so none is missed.
final class ChangeSignal: Sendable {
    private struct State {
        var version: UInt64 = 0
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Locked(State())

    var version: UInt64 { state.withLock { $0.version } }
    var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// Says that the state has changed.
    func raise() {
        let waiters = state.withLock { state in
            state.version &+= 1
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Waits for a change after `version`; returns at once when the task is cancelled.
    func wait(after version: UInt64) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Cancellation that came before is seen here; what comes later finds the waiter.
                    guard state.version == version, !Task.isCancelled else { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}
