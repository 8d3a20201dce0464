package import SandstormCore

/// A run that was accepted, in the hands of whoever asked for it.
///
/// Exactly one of ``events`` and ``result()`` is to be used. A run that is not detached is cancelled when the consuming task is
/// cancelled, which is how a vanished client ends its sandbox.
package struct RunHandle: Sendable {
    package let id: RunID
    /// `false` if an idempotency key led to a run that was there before.
    package let isNew: Bool
    /// Everything that happens, from the first event (or from after `Last-Event-ID`) to `settled`.
    package let events: RunEvents
    private let whatWasAdded: @Sendable () -> RunOverhead?
    private let wait: @Sendable () async throws(EngineError) -> RunResult

    init(
        id: RunID, isNew: Bool, events: RunEvents, overhead: @escaping @Sendable () -> RunOverhead? = { nil },
        wait: @escaping @Sendable () async throws(EngineError) -> RunResult
    ) {
        whatWasAdded = overhead
        self.id = id
        self.isNew = isNew
        self.events = events
        self.wait = wait
    }

    /// What the gateway added to the run's time, without the waits for the provider, the user's code, and a client that reads slowly.
    ///
    /// `nil` until the run is settled, and for one that was settled before it was asked for.
    package var overhead: RunOverhead? { whatWasAdded() }

    /// Waits until the run is settled.
    package func result() async throws(EngineError) -> RunResult { try await wait() }
}
