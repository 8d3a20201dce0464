package import NIOCore
package import SandstormWire

/// The client of one request: work for it ends when it is gone, and not long after the gateway was asked to stop.
package struct ClientPresence: Sendable {
    /// Opens when the client is gone.
    package let departure: Latch
    package let channel: any Channel
    /// How long work goes on after the gateway was asked to stop.
    package let patience: Duration
    /// Opens when the gateway is asked to stop.
    package var shutdown = Latch()

    /// The same client, for work that nobody misses when the gateway stops.
    package var withoutPatience: ClientPresence {
        ClientPresence(departure: departure, channel: channel, patience: .zero, shutdown: shutdown)
    }

    /// Runs `operation`, and cancels and awaits it if the client leaves or the gateway's patience ends.
    ///
    /// - Throws: ``Problem`` of kind `clientGone` or `shuttingDown`, or what `operation` threw.
    package func whilePresent<Value: Sendable>(_ operation: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Outcome<Value>.self) { group in
            group.addTask {
                do {
                    return .value(try await operation())
                } catch {
                    // What it threw then tells of nothing but the cancellation.
                    if Task.isCancelled { throw Problem.stopping }
                    throw error
                }
            }
            group.addTask { await departure.wait() ? .gone : .nothing }
            group.addTask { await stopping() ? .stopping : .nothing }
            defer { group.cancelAll() }
            while let outcome = try await group.next() {
                switch outcome {
                case .value(let value): return value
                case .gone: throw Problem(.clientGone, "the client closed its connection")
                case .stopping: throw Problem.stopping
                case .nothing: continue
                }
            }
            throw CancellationError()
        }
    }

    private enum Outcome<Value: Sendable>: Sendable {
        case value(Value)
        case gone
        case stopping
        case nothing
    }

    /// Waits until the gateway was asked to stop and its patience has ended.
    ///
    /// - Returns: `false` if the task was cancelled before.
    package func stopping() async -> Bool {
        guard await shutdown.wait() else { return false }
        return (try? await Task.sleep(for: patience)) != nil
    }
}
