import Dispatch
import Sandstorm

/// Runs blocking system calls away from the threads that all tasks share.
///
/// - Parameter work: asks now and then whether its task was cancelled, and throws then.
func blocking<Value: Sendable>(
    on queue: DispatchQueue, _ work: @escaping @Sendable (_ isCancelled: () -> Bool) throws -> Value
) async throws -> Value {
    let isCancelled = Locked(false)
    return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                continuation.resume(with: Result { try work { isCancelled.withLock { $0 } } })
            }
        }
    } onCancel: {
        isCancelled.withLock { $0 = true }
    }
}
