package import SandstormCore

/// How much an account may be asked for at once, learned from its refusals. One for each account.
///
/// Nothing is limited until the first refusal. From then on two limits are kept apart, as far as errors allow:
///
/// - *Living sandboxes* (`quotaExceeded`). Vendors' quotas are exact numbers, so the limit becomes what lives and what is still under way when
///   one more was refused; refusals of those bring it down to what the place accepts. A quota is so hit once, not on each request.
/// - *Calls in a time* (`rateLimited`, and `quotaExceeded` with a time to wait, or with far fewer sandboxes alive than were accepted a moment
///   ago, which a quota on living ones can't explain). The limit becomes somewhat less than the rate of calls at the time.
///
/// Both grow again by trial only: after a pause, while the limit holds traffic back, a little more is let through. If that is accepted, the
/// limit is what was accepted and the next trial comes sooner and dares twice as much; if not, the next pause is twice as long. An account
/// that takes nothing at all (a quota of a day that is used up) so has a limit of zero, and is asked for one sandbox at a time, ever more
/// rarely.
///
/// Exactly one of ``started(at:under:)``, ``refused(_:retryAfter:at:under:)`` and ``failed()`` follows a ``began(at:under:)``, and one
/// ``ended()`` a ``started(at:under:)``.
package struct ConcurrencyLimit: Hashable, Sendable {
    /// How the limits move.
    package struct Policy: Hashable, Sendable {
        let shortestPause: Int64
        let longestPause: Int64
        let largestStep: Int32

        /// - Parameters:
        ///   - pause: between a refusal and the next trial; doubles with each trial that is refused.
        ///   - largestStep: how much more a trial may ask for at once.
        package init(pause: ClosedRange<Duration> = .seconds(10) ... .seconds(600), largestStep: Int = 64) {
            shortestPause = max(1, pause.lowerBound.wholeMilliseconds)
            longestPause = max(1, pause.upperBound.wholeMilliseconds)
            self.largestStep = Int32(clamping: max(1, largestStep))
        }

        package static let standard = Policy()
    }

    /// Creates under way, and sandboxes that were accepted and live.
    private var pending: Int32 = 0
    private var living: Int32 = 0
    private var sandboxes = Limit()
    private var rate = Limit()
    private var rateLearned: Int64 = 0

    /// The most that lived at once in the last while, as proof against a quota of less.
    private var peak = FadingPeak()
    /// Calls of the last seconds, which fade.
    private var calls = FadingCount()
    /// What may be called at once within ``rate``, in calls.
    private var tokens = 0.0
    private var refilled: Int64 = 0

    package init() {}

    /// One number that is learned by being refused.
    private struct Limit: Hashable, Sendable {
        /// `infinity`: never refused.
        var value = Double.infinity
        var step: Int32 = 1
        var pause: Int64 = 0
        /// When the next trial may begin.
        var due: Int64 = 0
        /// A trial is on: so much more than the value is let through.
        var trial: Int32 = 0
        /// When a trial was last refused.
        var trialRefused: Int64 = 0

        init() {}

        init(kept numbers: ArraySlice<Int64>, at now: Int64) {
            let (value, pause, due) = (numbers[numbers.startIndex], numbers[numbers.startIndex + 1], numbers[numbers.startIndex + 2])
            guard value >= 0 else { return }
            self.value = Double(value) / 1000
            self.pause = max(1, pause)
            // Even if the clock was put back, the next trial comes.
            self.due = min(due, now + self.pause)
        }

        mutating func refused(at now: Int64, under policy: Policy) {
            // Of a trial of which some was accepted, the rest is no sign that trials come too often.
            pause =
                trial > 0 && trial == step
                ? min(max(pause, policy.shortestPause) * 2, policy.longestPause) : max(pause, policy.shortestPause)
            if trial > 0 { trialRefused = now }
            step = 1
            trial = 0
            due = now + pause
        }

        /// More was accepted than was thought possible: so much in all.
        mutating func accepted(_ value: Double, at now: Int64, under policy: Policy) {
            let more = Int32(clamping: Int((value - self.value).rounded(.up)))
            self.value = value
            guard trial > 0 else { return }
            trial = max(0, trial - more)
            guard trial == 0 else { return }
            step = min(step * 2, policy.largestStep)
            pause = policy.shortestPause
            // What is thought possible is wrong by then: no reason to wait long for the next step.
            due = now + pause / 4
        }
    }

    /// The highest number of the last minute or so.
    private struct FadingPeak: Hashable, Sendable {
        var value: Int32 = 0
        var at: Int64 = 0

        mutating func note(_ number: Int32, at now: Int64) {
            if number >= value || now - at > 60_000 {
                value = number
                at = now
            }
        }

        func value(at now: Int64) -> Int32 { now - at > 60_000 ? 0 : value }
    }

    // MARK: What it says

    /// How many sandboxes may live at once; `nil` if that is not known to be limited.
    package var limit: Int? { sandboxes.value.isFinite ? Int(sandboxes.value) : nil }

    /// How many calls may be made in a second; `nil` if that is not known to be limited.
    package var callsPerSecond: Double? { rate.value.isFinite ? rate.value : nil }

    /// Creates under way and living sandboxes.
    package var occupied: Int { Int(pending + living) }

    /// Whether one more sandbox may be asked for now.
    package func permits(at now: Moment, under policy: Policy = .standard) -> Bool {
        if sandboxes.value.isFinite, room(at: now.milliseconds) <= 0 { return false }
        if isRateKnown(at: now.milliseconds), tokens(at: now.milliseconds) < 1 { return false }
        return true
    }

    /// How many more sandboxes may be asked for now; `nil` if that is not known to be limited.
    package func headroom(at now: Moment) -> Int? {
        var least: Int?
        if sandboxes.value.isFinite { least = max(0, room(at: now.milliseconds)) }
        if isRateKnown(at: now.milliseconds) { least = min(least ?? .max, Int(tokens(at: now.milliseconds))) }
        return least
    }

    /// When one more may be asked for, if nothing ends before; `nil` if that takes until something ends.
    package func retryTime(at now: Moment) -> Moment? {
        if sandboxes.value.isFinite, room(at: now.milliseconds) <= 0 {
            return sandboxes.trial > 0 ? nil : Moment(milliseconds: max(now.milliseconds, sandboxes.due))
        }
        guard isRateKnown(at: now.milliseconds) else { return now }
        let missing = 1 - tokens(at: now.milliseconds)
        return missing <= 0 ? now : Moment(milliseconds: now.milliseconds + Int64((missing / rate.value * 1000).rounded(.up)))
    }

    // MARK: What it is told

    /// A create goes out.
    package mutating func began(at now: Moment, under policy: Policy = .standard) {
        let milliseconds = now.milliseconds
        if sandboxes.value.isFinite, Double(pending + living) >= sandboxes.value, sandboxes.trial == 0, milliseconds >= sandboxes.due {
            sandboxes.trial = sandboxes.step
        }
        pending += 1
        calls.add(at: ConcurrencyLimit.callWindow.tick(at: now))
        guard isRateKnown(at: milliseconds) else {
            rate = Limit()
            return
        }
        growRate(at: now, under: policy)
        tokens = max(0, tokens(at: milliseconds) - 1)
        refilled = milliseconds
    }

    /// The place made the sandbox, which lives until ``ended()``.
    package mutating func started(at now: Moment, under policy: Policy = .standard) {
        pending = max(0, pending - 1)
        living += 1
        peak.note(living, at: now.milliseconds)
        if sandboxes.value.isFinite, Double(living) > sandboxes.value {
            sandboxes.accepted(Double(living), at: now.milliseconds, under: policy)
        }
    }

    /// The create failed with an error that says nothing of a limit, or nobody waits for it any longer.
    package mutating func failed() { pending = max(0, pending - 1) }

    /// A sandbox is gone.
    package mutating func ended() { living = max(0, living - 1) }

    /// The create was refused. Anything but `quotaExceeded` and `rateLimited` counts as ``failed()``.
    package mutating func refused(
        _ code: ProviderError.Code, retryAfter: Duration? = nil, at now: Moment, under policy: Policy = .standard
    ) {
        pending = max(0, pending - 1)
        let milliseconds = now.milliseconds
        switch code {
        case .rateLimited: learnRate(at: now, under: policy)
        case .quotaExceeded where retryAfter != nil || peak.value(at: milliseconds) > 2 * (living + 1):
            learnRate(at: now, under: policy)
        case .quotaExceeded:
            // What lives is within the quota, and at most that and what is still under way: refusal by refusal that comes down to the quota
            // itself. Of a trial that is refused, nothing new is learned: the limit was accepted before, even if since then some ended.
            if sandboxes.trial == 0, milliseconds > sandboxes.trialRefused + ConcurrencyLimit.straggling || sandboxes.trialRefused == 0 {
                sandboxes.value = min(sandboxes.value, Double(living + pending))
            }
            sandboxes.refused(at: milliseconds, under: policy)
        default: break
        }
    }

    /// What is known to live, from a list that the provider gave; mends a count that drifted.
    package mutating func recount(living: Int) { self.living = Int32(clamping: max(0, living)) }

    // MARK: How it learns

    /// So long after a refusal others may come that were under way at the time.
    private static let straggling: Int64 = 1000
    /// A rate that no refusal has confirmed for so long is forgotten: vendors count calls by the second or the minute, and what they allow
    /// at a busy time says little of the next day.
    private static let rateLife: Int64 = 600_000

    private func isRateKnown(at now: Int64) -> Bool { rate.value.isFinite && now - rateLearned < ConcurrencyLimit.rateLife }

    private static let callWindow = HalfLife(.seconds(2))
    /// Events in a window whose count fades by half in two seconds, at one a second.
    private static let callsAtOneASecond = 2.885

    private func room(at now: Int64) -> Int {
        let trial = sandboxes.trial > 0 ? sandboxes.trial : now >= sandboxes.due ? sandboxes.step : 0
        return Int(min(sandboxes.value, 1e9)) + Int(trial) - occupied
    }

    /// What may be called at once: the calls of one second, but at least one.
    private func tokens(at now: Int64) -> Double {
        let elapsed = Double(max(0, now - refilled)) / 1000
        return min(tokens + elapsed * rate.value, max(1, rate.value))
    }

    private func currentRate(at now: Moment) -> Double {
        calls.value(at: ConcurrencyLimit.callWindow.tick(at: now)) / ConcurrencyLimit.callsAtOneASecond
    }

    private mutating func learnRate(at now: Moment, under policy: Policy) {
        let milliseconds = now.milliseconds
        if rate.value.isFinite, milliseconds <= rateLearned + ConcurrencyLimit.straggling {
            // One of those that were under way when the last refusal was learned from.
            tokens = 0
            refilled = milliseconds
            return
        }
        let tried = min(currentRate(at: now), rate.value)
        rate.refused(at: milliseconds, under: policy)
        rateLearned = milliseconds
        rate.value = max(ConcurrencyLimit.leastRate, tried * 0.8)
        tokens = 0
        refilled = milliseconds
    }

    /// While the limit holds calls back and none of them is refused, it grows by an eighth at a time.
    private mutating func growRate(at now: Moment, under policy: Policy) {
        guard now.milliseconds >= rate.due, currentRate(at: now) >= rate.value * 0.8 else { return }
        if rate.trial > 0 { rate.pause = policy.shortestPause }
        rate.value *= 1.125
        rate.trial = 1
        rate.due = now.milliseconds + max(rate.pause, policy.shortestPause)
    }

    /// Calls per second: slower than one in ten seconds is the breaker's business.
    private static let leastRate = 0.1
}

extension ConcurrencyLimit {
    /// What a restart must not forget: the limits, not what is alive, which is counted anew (``recount(living:)``).
    package var json: JSONValue {
        let numbers = [sandboxes, rate].flatMap { limit -> [Int64] in
            [limit.value.isFinite ? Int64((limit.value * 1000).rounded()) : -1, limit.pause, limit.due]
        }
        return .array(([1] + numbers).map { .integer($0) })
    }

    /// Restores what ``json`` kept; `nil` if it is nothing of the kind.
    package init?(json: JSONValue, at now: Moment) {
        let numbers = (json.arrayValue ?? []).compactMap(\.intValue).map(Int64.init)
        guard numbers.count == 7, numbers[0] == 1, numbers[1...].allSatisfy({ $0 >= -1 }) else { return nil }
        sandboxes = Limit(kept: numbers[1...3], at: now.milliseconds)
        rate = Limit(kept: numbers[4...6], at: now.milliseconds)
        rate.value = max(rate.value, ConcurrencyLimit.leastRate)
        refilled = now.milliseconds
        rateLearned = now.milliseconds
    }
}
