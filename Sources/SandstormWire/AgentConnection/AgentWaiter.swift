package import SandstormCore

/// A promise that one task waits for.
///
/// The result may come before the task starts to wait, and cancellation at any time: whatever comes first wins, the rest is ignored.
package final class AgentWaiter<Value: Sendable>: Sendable {
    private enum State: Sendable {
        case open
        case awaited(CheckedContinuation<Result<Value, ProviderError>, Never>)
        case resolved(Result<Value, ProviderError>)
        case taken
    }

    private let state = Locked(State.open)

    package init() {}

    /// Settles the promise; does nothing if it is settled.
    package func resolve(_ result: Result<Value, ProviderError>) {
        let continuation = state.withLock { state -> CheckedContinuation<Result<Value, ProviderError>, Never>? in
            switch state {
            case .open:
                state = .resolved(result)
                return nil
            case .awaited(let continuation):
                state = .taken
                return continuation
            case .resolved, .taken:
                return nil
            }
        }
        continuation?.resume(returning: result)
    }

    /// Waits for the result. Called once.
    ///
    /// - Parameter withdraw: called when the task is cancelled, possibly while it does not wait yet or any more.
    package func value(onCancel withdraw: @escaping @Sendable () -> Void) async throws(ProviderError) -> Value {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let early = state.withLock { state -> Result<Value, ProviderError>? in
                    if case .resolved(let result) = state {
                        state = .taken
                        return result
                    }
                    state = .awaited(continuation)
                    return nil
                }
                if let early { continuation.resume(returning: early) }
            }
        } onCancel: {
            withdraw()
            resolve(.failure(.cancelled))
        }
        return try result.get()
    }
}

extension ProviderError {
    /// What a wait ends with when its task is cancelled. Nobody is expected to act on it.
    static let cancelled = ProviderError(.interrupted, "the caller has gone", mayHaveTakenEffect: true, afterStart: true)
}
