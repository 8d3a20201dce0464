import SandstormCore

/// Until when an attempt's sandbox must be ready: as long as a create may take at all, as long as its caller waits for the start, and as
/// long as its money lasts; whichever is shortest.
struct StartLimit: Sendable {
    private let end: ContinuousClock.Instant
    /// The caller's wish, and not the place, is what ends it.
    let isCallers: Bool
    /// What it means if the limit passes.
    let error: ProviderError

    /// - Parameters:
    ///   - asked: since when it costs.
    ///   - begun: since when the step takes; the first one begins with its being asked for.
    init(of attempt: Attempt, since asked: ContinuousClock.Instant, step begun: ContinuousClock.Instant? = nil) {
        let timeout = attempt.execution.configuration.createTimeout
        let deadline = attempt.execution.startDeadline
        let life = attempt.costLimit?.0
        var limit = (end: (begun ?? asked) + timeout, isCallers: false, words: "no sandbox within \(timeout.display)")
        if let deadline, deadline < limit.end {
            limit = (deadline, true, "no sandbox before the caller's deadline")
        }
        if let life, asked + life < limit.end {
            limit = (asked + life, true, "no sandbox for what the caller pays at most")
        }
        end = limit.end
        isCallers = limit.isCallers
        error = ProviderError(.timedOut, limit.words, mayHaveTakenEffect: true)
    }

    /// What of it is left.
    var left: Duration { max(.zero, ContinuousClock.now.duration(to: end)) }
}
