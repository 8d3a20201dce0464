import SandstormCore

/// Counts who uses the files, and lets nobody in once they are to be closed.
final class AccessGate: Sendable {
    fileprivate struct State {
        var inside = 0
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())

    /// Every call that does not throw is followed by one ``leave()``.
    func enter() throws(StoreError) {
        try state.withLock { (state) throws(StoreError) in
            guard !state.isClosed else { throw StoreError(.unavailable, "the store is closed") }
            state.inside += 1
        }
    }

    func leave() {
        let waiting = state.withLock { state in
            state.inside -= 1
            return state.takeWaitingIfEmpty()
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once everyone has left.
    func close() async {
        await withCheckedContinuation { continuation in
            let waiting = state.withLock { state in
                state.isClosed = true
                state.waiting.append(continuation)
                return state.takeWaitingIfEmpty()
            }
            for continuation in waiting { continuation.resume() }
        }
    }
}

extension AccessGate.State {
    fileprivate mutating func takeWaitingIfEmpty() -> [CheckedContinuation<Void, Never>] {
        guard inside == 0 else { return [] }
        defer { waiting = [] }
        return waiting
    }
}
