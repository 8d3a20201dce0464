import SandstormCore

/// What has to be done at the vendor after a call was given up: short, bounded work that nobody waits for.
///
/// Owned by the provider; what is still under way when that goes is cancelled, and left to the reaper.
final class Aftercare: Sendable {
    private struct State {
        var tasks: [Int: Task<Void, Never>] = [:]
        var next = 0
    }

    private let state = Locked(State())
    /// More is not begun: what it would have done away with is found by the reaper.
    private static let most = 256

    deinit { for task in state.withLock(\.tasks).values { task.cancel() } }

    /// Does `work` soon, for at most `limit`.
    func take(within limit: Duration = .seconds(60), _ work: @escaping @Sendable () async -> Void) {
        let state = state
        state.withLock { current in
            guard current.tasks.count < Aftercare.most else { return }
            let number = current.next
            current.next += 1
            // Kept before it can end: it takes the lock to be forgotten.
            current.tasks[number] = Task {
                await withTaskGroup { group in
                    group.addTask { await work() }
                    group.addTask { try? await Task.sleep(for: limit) }
                    await group.next()
                    group.cancelAll()
                }
                state.withLock { _ = $0.tasks.removeValue(forKey: number) }
            }
        }
    }

    /// How much is under way.
    var count: Int { state.withLock(\.tasks.count) }
}
