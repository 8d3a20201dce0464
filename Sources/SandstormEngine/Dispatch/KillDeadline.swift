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

    /// Runs `code` to its end or to the deadline, unless the run is to end before.
    func enforce(on code: CodeExecution, of run: ActiveRun) async -> Ending {
        let killing = Locked<(isOver: Bool, isExpired: Bool, task: Task<Void, Never>?)>((false, false, nil))
        let alarm = Alarms.shared.set(at: end) {
            killing.withLock { killing in
                // One that rings while it is called off must not cut short what the run does next.
                guard !killing.isOver else { return }
                killing.isExpired = true
                killing.task = Task {
                    await code.kill()
                    try? await Task.sleep(for: KillDeadline.grace)
                    if !Task.isCancelled { run.interrupt() }
                }
            }
        }
        let ending = await run.interruptibly { () async -> Ending in
            do throws(ProviderError) { return .exited(try await code.run()) } catch { return .failed(error) }
        }
        alarm.cancel()
        let (isExpired, task) = killing.withLock { killing in
            killing.isOver = true
            return (killing.isExpired, killing.task)
        }
        // Code that ended by itself in the very moment of the deadline was killed as far as anyone can tell.
        guard isExpired else { return ending }
        task?.cancel()
        await task?.value
        return .killed(failure)
    }
}
