#if os(Linux)
import Glibc
import SandstormCore

/// What keeps a sandbox's processes from running: the wish of its owner, and the copies that are being made of its disk.
///
/// Each change writes down what is wanted by then, under one lock, so that of several at once the last decides; who waits for a
/// freeze that nobody wants any more is let go.
final class Freezer: Sendable {
    private struct State {
        var isPaused = false
        /// Copies under way.
        var holds = 0
        /// The sandbox is about to be killed: nothing may be frozen any more.
        var isDoomed = false
        /// When the kernel was last told to begin freezing.
        var toldAt = ContinuousClock.now

        var wantsFrozen: Bool { (isPaused || holds > 0) && !isDoomed }
    }

    /// How long the kernel may take to bring every process to a stop: one that waits for the disk stops when the disk has answered.
    private static let patience = Duration.seconds(15)

    private let group: ControlGroup?
    private let state = Locked(State())

    init(_ group: ControlGroup?) { self.group = group }

    /// The owner wants it so.
    var isPaused: Bool { state.withLock { $0.isPaused && !$0.isDoomed } }
    var isDoomed: Bool { state.withLock(\.isDoomed) }
    var isHeld: Bool { state.withLock { $0.holds > 0 } }

    // MARK: The owner

    func pause() async throws(ProviderError) {
        try await HostThreads.run { Result { () throws(ProviderError) in try self.change { $0.isPaused = true } } }.get()
        let deadline = ContinuousClock.now + Self.patience
        var wait = Duration.microseconds(100)
        // Without a thread that waits: a process in the middle of a system call may be slow to stop.
        while await HostThreads.run({ self.isOnItsWay }) {
            if ContinuousClock.now >= deadline || Task.isCancelled {
                try? await HostThreads.run { Result { () throws(ProviderError) in try self.change { $0.isPaused = false } } }.get()
                throw Task.isCancelled ? ProviderError(.interrupted, "the caller has gone") : Self.late
            }
            try? await Task.sleep(for: wait)
            wait = min(wait * 2, .milliseconds(5))
        }
    }

    func resume() async throws(ProviderError) {
        try await HostThreads.run { Result { () throws(ProviderError) in try self.change { $0.isPaused = false } } }.get()
    }

    // MARK: Copies

    /// Stops every process until ``release()``. Blocking.
    func hold() throws(ProviderError) {
        try change { $0.holds += 1 }
        do throws(ProviderError) {
            let deadline = ContinuousClock.now + Self.patience
            var wait: UInt32 = 50
            while isOnItsWay {
                guard ContinuousClock.now < deadline else { throw Self.late }
                usleep(wait)
                wait = min(wait * 2, 5000)
            }
            if isDoomed { throw ProviderError(.notFound, "the sandbox was killed") }
        } catch {
            release()
            throw error
        }
    }

    /// Lets the processes go on, unless another wants them to stand still. Blocking.
    func release() {
        // A group that is gone has nothing frozen in it.
        try? change { $0.holds -= 1 }
    }

    // MARK: The end

    /// From now on nothing is frozen, and copies are given up.
    func doom() { state.withLock { $0.isDoomed = true } }

    /// Waits until the copies under way have been given up: they hold the disk's mount.
    func awaitRelease() async {
        let deadline = ContinuousClock.now + Self.patience
        // Not by a sleep that ends with the task: a kill goes on when its caller has gone.
        while isHeld, ContinuousClock.now < deadline { await HostThreads.run(on: HostThreads.removing) { _ = usleep(1000) } }
    }

    // MARK: The kernel

    private static let late = ProviderError(.unavailable, "the sandbox's processes did not stop in time; they go on")

    /// It is to be frozen and is not yet.
    private var isOnItsWay: Bool {
        guard let group else { return false }
        return state.withLock { state in
            guard state.wantsFrozen, !group.isFrozen else { return false }
            // cgroup v1 may miss what is forked while it freezes, and then stays halfway: it has to be told anew, now and then from the start.
            if !group.isUnified {
                let now = ContinuousClock.now
                if now - state.toldAt > .seconds(1) {
                    state.toldAt = now
                    try? group.setFrozen(false)
                }
                try? group.setFrozen(true)
            }
            return !group.isFrozen
        }
    }

    private func change(_ body: (inout State) -> Void) throws(ProviderError) {
        guard let group else { throw .unsupported("pause: there is no control group that could freeze") }
        do throws(SystemError) {
            try state.withLock { (state) throws(SystemError) in
                let before = state
                body(&state)
                if state.wantsFrozen, !before.wantsFrozen { state.toldAt = .now }
                do throws(SystemError) {
                    // Also when nothing changes: somebody may have thawed the group behind our back.
                    try group.setFrozen(state.wantsFrozen)
                } catch {
                    if state.wantsFrozen { state = before }
                    throw error
                }
            }
        } catch {
            throw error.providerError("the sandbox's processes can't be frozen or thawed")
        }
    }
}
#endif
