import Testing

/// Runs `body`, and gives up on it after `limit`; also on one that does not even end when it is cancelled.
///
/// - Throws: what `body` throws, or a ``ConformanceFailure`` when time is up.
func within<Value: Sendable>(
    _ limit: Duration, at location: SourceLocation = #_sourceLocation, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let (turns, continuation) = AsyncStream<Turn<Value>>.makeStream()
    // Not structured: a provider that ignores cancellation must not hang the whole suite.
    let work = Task {
        let result: Result<Value, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        continuation.yield(.ended(result))
    }
    let timer = Task {
        try await Task.sleep(for: limit)
        continuation.yield(.timeIsUp)
        try await Task.sleep(for: .seconds(10))
        continuation.yield(.timeIsUp)
    }
    defer { timer.cancel() }
    return try await withTaskCancellationHandler {
        var isLate = false
        for await turn in turns {
            switch turn {
            case .ended(let result):
                guard isLate else { return try result.get() }
                throw ConformanceFailure("it did not come to its end within \(limit)", at: location)
            case .timeIsUp:
                if isLate { break }
                isLate = true
                work.cancel()
                continue
            }
            break
        }
        throw ConformanceFailure("it did not come to its end within \(limit), and went on when it was cancelled", at: location)
    } onCancel: {
        work.cancel()
    }
}

/// Waits until `condition` holds, asking again and again.
///
/// - Returns: whether it came to hold in time.
func comesToHold(within limit: Duration, _ condition: () async throws -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + limit
    var pause = Duration.milliseconds(20)
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= end { return false }
        try await Task.sleep(for: pause)
        // Each look may be a request to a cloud.
        pause = min(pause * 2, .milliseconds(500))
    }
}

/// What happens first.
private enum Turn<Value: Sendable>: Sendable {
    case ended(Result<Value, any Error>)
    case timeIsUp
}
