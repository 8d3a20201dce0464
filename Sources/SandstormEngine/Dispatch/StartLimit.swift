import SandstormCore

/// Until when a step towards an attempt's start must be done: as long as it may take by itself, as long as the run's caller waits for the
/// start, and as long as the caller's money lasts; whichever is shortest.
struct StartLimit: Sendable {
    private let end: ContinuousClock.Instant
    /// The caller's wish, and not the place, is what ends it.
    let isCallers: Bool
    /// What it means if the limit passes.
    let error: ProviderError

    /// - Parameters:
    ///   - timeout: how long the step may take by itself, from now on.
    ///   - asked: since when the sandbox costs.
    init(of attempt: Attempt, timeout: Duration, asked: ContinuousClock.Instant) {
        var limit = (end: ContinuousClock.now + timeout, isCallers: false, words: "no sandbox within \(timeout.display)")
        if let deadline = attempt.run.startDeadline, deadline < limit.end {
            limit = (deadline, true, "no sandbox before the caller's deadline")
        }
        if let life = attempt.costLimit?.0, asked + life < limit.end {
            limit = (asked + life, true, "no sandbox for what the caller pays at most")
        }
        end = limit.end
        isCallers = limit.isCallers
        error = ProviderError(.timedOut, limit.words, mayHaveTakenEffect: true)
    }

    /// What of it is left.
    var left: Duration { max(.zero, ContinuousClock.now.duration(to: end)) }
}
