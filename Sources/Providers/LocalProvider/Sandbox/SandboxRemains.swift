#if os(Linux)
import SandstormCore

/// A sandbox as something to be removed: what a journal says, and the process if it is ours.
final class SandboxRemains: Sendable {
    private struct State {
        var journal: SandboxJournal
        var child: ChildProcess?
        var helpers: [ChildProcess] = []
        /// Kept open as long as the helpers run.
        var kept: [Descriptor] = []
        var removal: Task<Result<Void, ProviderError>, Never>?
        /// Goes on after a removal that failed, until one has not.
        var persistence: Task<Void, Never>?
        var isGone = false
    }

    private let state: Locked<State>

    init(_ journal: SandboxJournal) { state = Locked(State(journal: journal)) }

    var journal: SandboxJournal { state.withLock(\.journal) }
    var child: ChildProcess? { state.withLock(\.child) }
    /// It is removed, or being removed.
    var isDoomed: Bool { state.withLock { $0.isGone || $0.removal != nil } }

    /// Notes what is about to exist, then writes it down.
    func note(_ change: (inout SandboxJournal) -> Void) throws(SystemError) {
        let journal = state.withLock { state in
            change(&state.journal)
            return state.journal
        }
        try journal.write()
    }

    /// Makes the sandbox's directory with its journal in it: both or neither, also in a crash.
    func begin(_ change: (inout SandboxJournal) -> Void) throws(SystemError) {
        let journal = state.withLock { state in
            change(&state.journal)
            return state.journal
        }
        try journal.publish()
    }

    func adopt(_ child: ChildProcess) { state.withLock { $0.child = child } }

    /// Takes in a process beside the sandbox, with what it writes to.
    func adopt(helper: ChildProcess, keeping descriptor: Descriptor) throws(SystemError) {
        state.withLock { state in
            state.helpers.append(helper)
            state.kept.append(descriptor)
        }
        try note { journal in journal.helpers += [helper.identity].compactMap(\.self) }
    }

    /// Ends what served the sandbox, which has ended itself. Blocking.
    func endHelpers() {
        let helpers = state.withLock(\.helpers)
        for helper in helpers { helper.end() }
    }

    /// Removes everything, also when the task is cancelled meanwhile. Whoever comes second waits for the first.
    ///
    /// - Throws: `unavailable` if something still runs. It goes on being tried then, as long as this process lives: whoever gave up on a sandbox
    ///   that could not be made does not come back to remove it.
    func remove() async throws(ProviderError) {
        let removal = state.withLock { state -> Task<Result<Void, ProviderError>, Never>? in
            if state.isGone { return nil }
            if let removal = state.removal { return removal }
            let removal = Task { await self.removeNow() }
            state.removal = removal
            return removal
        }
        try await removal?.value.get()
    }

    private func removeNow() async -> Result<Void, ProviderError> {
        let (journal, child, helpers) = state.withLock { ($0.journal, $0.child, $0.helpers) }
        let result = await HostThreads.run(on: HostThreads.removing) {
            Result { () throws(ProviderError) in try journal.remove(child: child, helpers: helpers) }
        }
        state.withLock { state in
            // After a failure the next call tries again.
            state.removal = nil
            switch result {
            case .success:
                state.isGone = true
                state.kept = []
            case .failure:
                if state.persistence == nil { state.persistence = Task { await self.persist() } }
            }
        }
        return result
    }

    private func persist() async {
        var pause = Duration.seconds(1)
        while !state.withLock(\.isGone) {
            try? await Task.sleep(for: pause)
            try? await remove()
            // What hangs in the kernel may do so for long.
            pause = min(pause * 2, .seconds(60))
        }
    }
}
#endif
