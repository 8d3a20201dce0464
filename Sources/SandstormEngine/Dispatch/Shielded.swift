/// Runs `body` to its end even if the calling task is cancelled: for cleaning up and for writing down what has happened.
func shielded<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
    await Task { await body() }.value
}
