/// Waits until `condition` holds, asking again and again, at most until `deadline`.
///
/// - Returns: whether it came to hold.
package func eventually(
    within deadline: Duration = .seconds(60), _ condition: @Sendable () async throws -> Bool
) async rethrows -> Bool {
    let end = ContinuousClock.now + deadline
    while true {
        if try await condition() { return true }
        if ContinuousClock.now >= end { return false }
        try? await Task.sleep(for: .milliseconds(5))
    }
}
