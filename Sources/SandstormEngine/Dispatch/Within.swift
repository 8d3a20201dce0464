import SandstormCore

/// Runs `body`, and cancels it once `limit` has passed.
///
/// - Throws: what `body` throws, or `late` if the limit passed first. A value that comes after all is returned: it may be a
///   sandbox, which must not be dropped.
func within<Value: Sendable>(
    _ limit: Duration, else late: ProviderError, _ body: @escaping @Sendable () async throws(ProviderError) -> Value
) async throws(ProviderError) -> Value {
    let isLate = Locked(false)
    let task = Task { () async -> Result<Value, ProviderError> in
        do throws(ProviderError) { return .success(try await body()) } catch { return .failure(error) }
    }
    let alarm = Alarms.shared.set(at: .now + limit) {
        isLate.withLock { $0 = true }
        task.cancel()
    }
    defer { alarm.cancel() }
    switch await withTaskCancellationHandler(operation: { await task.value }, onCancel: { task.cancel() }) {
    case .success(let value): return value
    case .failure(let error): throw isLate.withLock { $0 } ? late : error
    }
}
