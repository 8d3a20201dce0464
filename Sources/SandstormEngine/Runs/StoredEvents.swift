import SandstormCore
import SandstormStore

/// Reads the kept events of a run that is over, page by page. One consumer.
final class StoredEvents: Sendable {
    private let run: RunID
    private let store: any Store
    private let state: Locked<(position: Int, page: ArraySlice<RunEvent>)>

    init(run: RunID, store: any Store, after sequence: Int) {
        self.run = run
        self.store = store
        state = Locked((sequence, []))
    }

    /// The next event; `nil` after the last.
    func next() async throws(EngineError) -> RunEvent? {
        if let event = take() { return event }
        let position = state.withLock { $0.position }
        let page: [RunEvent]
        do throws(StoreError) { page = try await store.events(of: run, after: position, limit: 256) } catch { throw EngineError(error) }
        state.withLock { $0.page = page[...] }
        return take()
    }

    private func take() -> RunEvent? {
        state.withLock { state in
            guard let event = state.page.popFirst() else { return nil }
            state.position = event.sequence
            return event
        }
    }
}
