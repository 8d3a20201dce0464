import ArgumentParser
import Dispatch
import Sandstorm

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Ctrl-C and its relatives: the first asks for a clean end, the second ends the program.
enum Interruption {
    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Runs `work`; the first signal cancels its task.
    static func watch<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let task = Task { try await work() }
        return try await watch({ task.cancel() }, during: { try await task.value })
    }

    /// Calls `onFirst` with the first signal that comes while `work` goes on.
    static func watch<Value: Sendable>(
        _ onFirst: @escaping @Sendable () -> Void, during work: @Sendable () async throws -> Value
    ) async throws -> Value {
        let count = Locked(0)
        let queue = DispatchQueue(label: "sandstorm.signals")
        let sources = signals.compactMap { number -> (any DispatchSourceSignal)? in
            // Ignored here means: not the default of ending the program. The source sees the signal all the same.
            let earlier = signal(number, SIG_IGN)
            // Whoever starts a program with nohup wants it to outlive the terminal.
            if number == SIGHUP, unsafeBitCast(earlier, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) { return nil }
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler {
                let isFirst = count.withLock { count in
                    count += 1
                    return count == 1
                }
                guard !isFirst else { return onFirst() }
                RawTerminal.restore()
                _exit(ExitCode.cancelled.rawValue)
            }
            source.resume()
            return source
        }
        defer { for source in sources { source.cancel() } }
        return try await work()
    }
}
