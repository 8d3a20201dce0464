import SandstormCore

/// Lets one task at a time through, for changes of a state that take their time.
final class Turnstile: Sendable {
    private let isTaken = Locked(false)
    private let signal = ChangeSignal()

    /// Runs `body` when nobody else is inside.
    ///
    /// - Throws: what `body` throws; `internal` if the task is cancelled before its turn.
    func pass<Value>(_ body: () async throws(EngineError) -> Value) async throws(EngineError) -> Value {
        while true {
            let version = signal.version
            let isMine = isTaken.withLock { isTaken in
                defer { isTaken = true }
                return !isTaken
            }
            if isMine { break }
            if Task.isCancelled { throw EngineError(.internal, "the caller went away") }
            await signal.wait(after: version)
        }
        defer {
            isTaken.withLock { $0 = false }
            signal.raise()
        }
        return try await body()
    }
}
