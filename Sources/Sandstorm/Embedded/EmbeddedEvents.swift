import SandstormCore
import SandstormEngine

/// The events of a run of the embedded engine.
actor EmbeddedEvents: EventSource {
    /// Whose events.
    enum Origin: Sendable {
        case submission(RunRequest)
        case run(RunID, after: Int, following: Bool)
    }

    private let origin: Origin
    private let engine: @Sendable () async throws(SandstormError) -> Engine
    private var events: RunEvents.Iterator?
    /// The run that ends with its consumer, and who can end it.
    private var owned: (id: RunID, engine: Engine)?
    private var isFinished = false
    private var lastSequence: Int

    /// How often the store is asked about another process's run.
    private static let interval = Duration.milliseconds(250)

    init(_ origin: Origin, engine: @escaping @Sendable () async throws(SandstormError) -> Engine) {
        self.origin = origin
        self.engine = engine
        lastSequence = if case .run(_, let sequence, _) = origin { sequence } else { 0 }
    }

    func next() async throws(SandstormError) -> RunEvent? {
        guard !isFinished else { return nil }
        do throws(SandstormError) {
            let event = try await pullPatiently()
            if let event { lastSequence = event.sequence }
            switch event?.body {
            case .settled(let result):
                isFinished = true
                owned = nil
                if result.state == .cancelled, Task.isCancelled { throw .cancelled }
            case nil:
                isFinished = true
                if case .submission = origin { throw SandstormError(.interrupted, "the run's events ended before the run did") }
            default: break
            }
            return event
        } catch {
            isFinished = true
            await endOwned()
            throw Task.isCancelled ? .cancelled : error
        }
    }

    nonisolated func abandon() {
        // The engine hears of it here and not by a cancelled task; its own shutdown waits for what this starts.
        Task { await endOwned() }
    }

    /// The next event, also of a run that another process works on: its events come by way of the store.
    private func pullPatiently() async throws(SandstormError) -> RunEvent? {
        var isSettled = false
        while true {
            if let event = try await pull() { return event }
            // What came between the last look at the events and the settling was read by the look after it.
            guard case .run(let id, _, following: true) = origin, !isSettled else { return nil }
            isSettled = try await run(id).isSettled
            if !isSettled {
                do { try await Task.sleep(for: EmbeddedEvents.interval) } catch { throw .cancelled }
            }
            events = nil
        }
    }

    private func run(_ id: RunID) async throws(SandstormError) -> RunResult {
        let engine = try await engine()
        do throws(EngineError) { return try await engine.run(id, for: .local) } catch { throw SandstormError(error) }
    }

    private func pull() async throws(SandstormError) -> RunEvent? {
        if events == nil { try await begin() }
        // An iterator can't be advanced in place across a suspension; a copy asks the same source.
        guard var events else { return nil }
        do throws(EngineError) {
            return try await events.next(isolation: self)
        } catch {
            throw SandstormError(error)
        }
    }

    private func begin() async throws(SandstormError) {
        let engine = try await engine()
        do throws(EngineError) {
            switch origin {
            case .submission(let request):
                let handle = try await engine.submit(request, by: .local)
                if handle.isNew, !request.detached { owned = (handle.id, engine) }
                events = handle.events.makeAsyncIterator()
            case .run(let id, _, let following):
                events = try await engine.events(of: id, after: lastSequence, following: following, for: .local).makeAsyncIterator()
            }
        } catch {
            throw SandstormError(error)
        }
    }

    /// Cancels the owned run and waits until it is settled, also when this task is cancelled itself.
    private func endOwned() async {
        guard let owned else { return }
        self.owned = nil
        await Task { _ = try? await owned.engine.cancel(owned.id, for: .local) }.value
    }
}
