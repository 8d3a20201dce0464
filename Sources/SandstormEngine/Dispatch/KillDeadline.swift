import SandstormCore

/// Ends an execution that reaches its timeout or its cost limit, whichever comes first.
struct KillDeadline {
    /// After the kill signal, how long the rest of the output may take.
    static let grace = Duration.seconds(1)

    private let end: ContinuousClock.Instant
    private let failure: RunFailure

    enum Ending: Sendable {
        case exited(ExitStatus)
        case killed(RunFailure)
        case failed(ProviderError)
    }

    /// - Parameter costLimit: how long the sandbox may live since `asked`, and the amount that says so.
    init(timeout: Duration, since started: ContinuousClock.Instant, costLimit: (Duration, Money)?, asked: ContinuousClock.Instant) {
        let timedOut = started + timeout
        if let (life, limit) = costLimit, asked + life < timedOut {
            end = asked + life
            failure = RunFailure(.costLimit, "killed before it would cost more than \(limit)")
        } else {
            end = timedOut
            failure = RunFailure(.timeout, "killed after its timeout of \(timeout.display)")
        }
    }

    /// Runs `code` to its end or to the deadline.
    func enforce(on code: CodeExecution) async -> Ending {
        let isExpired = Locked(false)
        return await withTaskGroup(of: Ending?.self) { group in
            group.addTask {
                do throws(ProviderError) { return .exited(try await code.run()) } catch { return .failed(error) }
            }
            group.addTask {
                do { try await Task.sleep(until: end) } catch { return nil }
                isExpired.withLock { $0 = true }
                await code.kill()
                try? await Task.sleep(for: KillDeadline.grace)
                return nil
            }
            var ending: Ending?
            for await ended in group {
                if let ended { ending = ended }
                group.cancelAll()
            }
            // Code that ended by itself in the very moment of the deadline was killed as far as anyone can tell.
            if isExpired.withLock({ $0 }) { return .killed(failure) }
            return ending ?? .killed(failure)
        }
    }
}
