import SandstormCore

/// Runs `body`, and cancels it once `limit` has passed.
///
/// - Throws: what `body` throws, or `late` if the limit passed first. A value that comes after all is returned: it may be a
///   sandbox, which must not be dropped.
func within<Value: Sendable>(
    _ limit: Duration, else late: ProviderError, _ body: @escaping @Sendable () async throws(ProviderError) -> Value
) async throws(ProviderError) -> Value {
    let isLate = Locked(false)
    let result = await withTaskGroup(of: Result<Value, ProviderError>?.self) { group -> Result<Value, ProviderError>? in
        group.addTask {
            do throws(ProviderError) { return .success(try await body()) } catch { return .failure(error) }
        }
        group.addTask {
            do { try await Task.sleep(for: limit) } catch { return nil }
            isLate.withLock { $0 = true }
            return nil
        }
        var result: Result<Value, ProviderError>?
        for await ended in group {
            if let ended { result = ended }
            group.cancelAll()
        }
        return result
    }
    switch result {
    case .success(let value)?: return value
    case .failure(let error)?: throw isLate.withLock { $0 } ? late : error
    case nil: throw late
    }
}
