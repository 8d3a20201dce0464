import SandstormCore

/// Something that happens once and that any number of tasks may wait for.
package final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var nextWaiter = 0
        var waiters: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Locked(State())

    package init() {}

    package var isOpen: Bool { state.withLock { $0.isOpen } }

    /// It has happened. Calling again does nothing.
    package func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter() }
    }

    /// Calls `action` once it has happened, at once if it has already. Cheaper than a task that waits.
    ///
    /// - Returns: by what ``forget(_:)`` knows the action.
    package func whenOpen(_ action: @escaping @Sendable () -> Void) -> Int {
        let (number, isOpen) = state.withLock { state in
            state.nextWaiter += 1
            if !state.isOpen { state.waiters[state.nextWaiter] = action }
            return (state.nextWaiter, state.isOpen)
        }
        if isOpen { action() }
        return number
    }

    /// The action need not be called any more; it may be under way.
    package func forget(_ number: Int) { _ = state.withLock { $0.waiters.removeValue(forKey: number) } }

    /// Waits until it has happened.
    ///
    /// - Returns: `false` if the task was cancelled before.
    package func wait() async -> Bool {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // Asked inside the lock: a cancellation that came before has found no waiter to wake.
                    if state.isOpen || Task.isCancelled { return true }
                    state.waiters[number] = { continuation.resume() }
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            let waiter = state.withLock { $0.waiters.removeValue(forKey: number) }
            waiter?()
        }
        return isOpen
    }
}
