package import SandstormCore

/// Keeps traffic away from a place that is unwell, and finds out when it is well again. One for each account × region, fed by
/// its creates.
///
/// Closed, it lets everything through and counts. Open, it lets nothing through until its time is over; each opening soon after the last
/// one lasts longer. Then it is half-open: a few calls at once go through as probes; enough successes close it, one failure opens it again.
/// Going from open to half-open needs nothing but time, so no breaker stays open for ever.
///
/// Who makes a call tells ``began(at:under:)``, and then exactly one of ``succeeded(slow:begun:at:under:using:)``,
/// ``failed(_:retryAfter:begun:at:under:using:)`` and ``abandoned(slow:begun:at:under:using:)``, whether the call served a user or an
/// active probe. A call is recognised by when it began: what began before the last opening says nothing of the time since.
///
/// Calls may be made although the breaker is open, as a last resort (see ``reluctance(at:)``) or as an active probe: a success of one ends the
/// opening early, unless the place itself asked for the wait.
package struct CircuitBreaker: Hashable, Sendable {
    package enum State: String, Hashable, Sendable {
        case closed, open, halfOpen
    }

    /// What happened to the state, for whoever watches.
    package struct Change: Hashable, Sendable {
        package var from: State
        package var to: State
        package var cause: Cause
        /// Until when it is open; `nil` otherwise.
        package var until: Moment?
    }

    /// Why the state changed.
    package enum Cause: Hashable, Sendable {
        case failureRate, consecutiveFailures, slowCalls
        /// The place said that it won't serve us for a while.
        case refused(ProviderError.Code)
        case probeFailed, probeSlow, probesSucceeded
        /// The time was over, and the first probe goes out.
        case timePassed
        /// A call that was made all the same went well.
        case unexpectedSuccess
    }

    /// When it is open: from when until when.
    private var opened = Moment(milliseconds: .min)
    private var until = Moment(milliseconds: .min)
    private var isOpen = false
    /// Money or credentials are the reason, which do not come back by themselves.
    private var isRefused = false
    /// Somebody was told that it is half-open.
    private var isAnnounced = false
    /// Before this the place asked not to be called.
    private var asked = Moment(milliseconds: .min)
    /// How often it opened without staying closed for long in between.
    private var openings: Int32 = 0
    private var closed = Moment(milliseconds: 0)

    /// Calls that began from here on are probes of this half-open time, or count for this closed time.
    private var epoch = Moment(milliseconds: .min)
    private var probes: Int32 = 0
    private var successes: Int32 = 0
    private var lastProbe = Moment(milliseconds: .min)

    private var consecutiveFailures: Int32 = 0
    /// The counts of the recent calls, which fade together.
    private var window = Window()

    package init() {}

    private struct Window: Hashable, Sendable {
        var calls = 0.0
        var failures = 0.0
        var slow = 0.0
        var tick: Int64 = 0

        mutating func add(failed: Bool, slow isSlow: Bool, tick now: Int64) {
            if now > tick {
                let remainder = HalfLife.remainder(after: now - tick)
                calls *= remainder
                failures *= remainder
                slow *= remainder
                tick = now
            }
            calls += 1
            if failed { failures += 1 }
            if isSlow { slow += 1 }
        }
    }

    // MARK: What it says

    package func state(at now: Moment) -> State { !isOpen ? .closed : now < until ? .open : .halfOpen }

    /// Whether a call may be made now.
    @inline(__always)
    package func permits(at now: Moment, under policy: Policy = .standard) -> Bool {
        if !isOpen { return true }
        if now < until { return false }
        return probes < policy.probes || now.milliseconds - lastProbe.milliseconds > policy.probeLife
    }

    /// When it lets a call through again that it does not let through now; `nil` if it may do so now.
    package func opensUntil(at now: Moment) -> Moment? { isOpen && now < until ? until : nil }

    /// How little is to be hoped from calling although ``permits(at:under:)`` says no: for when everything else says no as well, as the least
    /// bad place is still better than refusing. `nil` where even then no call may be made, as the place itself named the time to wait for.
    package func reluctance(at now: Moment) -> Int64? {
        guard isOpen else { return 0 }
        guard now >= asked else { return nil }
        let remaining = max(0, until.milliseconds - now.milliseconds)
        return isRefused ? remaining + CircuitBreaker.longestAsked : remaining
    }

    // MARK: What it is told

    /// A call is made.
    package mutating func began(at now: Moment, under policy: Policy = .standard) -> Change? {
        guard isOpen, now >= epoch else { return nil }
        if probes >= policy.probes, now.milliseconds - lastProbe.milliseconds > policy.probeLife {
            // Nobody ever said how those ended. They must not block the way for ever.
            probes = 0
            epoch = Moment(milliseconds: now.milliseconds - CircuitBreaker.slack)
        }
        probes += 1
        lastProbe = now
        return now >= until ? announceHalfOpen(.timePassed) : nil
    }

    /// A call that began at `begun` went well, `slow` if it took longer than it should have.
    package mutating func succeeded(
        slow: Bool = false, begun: Moment, at now: Moment, under policy: Policy = .standard, using generator: inout SeededGenerator
    ) -> Change? {
        let isCurrent = settle(begun)
        switch state(at: now) {
        case .closed:
            guard isCurrent else { return nil }
            consecutiveFailures = 0
            window.add(failed: false, slow: slow, tick: policy.halfLife.tick(at: now))
            return slow ? openIfSlow(at: now, policy, &generator) : nil
        case .open:
            guard begun > opened, now >= asked, !slow else { return nil }
            until = now
            epoch = earliestProbe
            probes = 0
            successes = 1
            return successes >= policy.successes ? close(at: now, .unexpectedSuccess) : announceHalfOpen(.unexpectedSuccess)
        case .halfOpen:
            guard isCurrent else { return nil }
            if slow { return open(.probeSlow, for: policy.openTime(openings), at: now, policy, &generator) }
            successes += 1
            return successes >= policy.successes ? close(at: now, .probesSucceeded) : nil
        }
    }

    /// A call that began at `begun` failed.
    ///
    /// - Parameter retryAfter: how long the place asks not to be called. It isn't, for at least so long (at most a day).
    package mutating func failed(
        _ code: ProviderError.Code, retryAfter: Duration? = nil, begun: Moment, at now: Moment, under policy: Policy = .standard,
        using generator: inout SeededGenerator
    ) -> Change? {
        let state = state(at: now)
        let isCurrent = settle(begun)
        forgetOpenings(at: now, policy)
        guard code.speaksAgainstPlace else { return nil }
        // One of many that were under way when it opened: no reason to wait twice as long.
        let openings = state == .open ? openings - 1 : openings
        if let wait = refusalTime(code, retryAfter, after: openings, policy) {
            return refuse(code, for: wait, asked: retryAfter, at: now, policy, &generator)
        }
        guard isCurrent else { return nil }
        switch state {
        case .open: return nil
        case .halfOpen: return open(.probeFailed, for: policy.openTime(openings), at: now, policy, &generator)
        case .closed:
            consecutiveFailures += 1
            window.add(failed: true, slow: false, tick: policy.halfLife.tick(at: now))
            if consecutiveFailures >= policy.consecutiveFailures {
                return open(.consecutiveFailures, for: policy.openTime(openings), at: now, policy, &generator)
            }
            guard window.calls >= policy.minimumCalls, window.failures >= window.calls * policy.failureRate else { return nil }
            return open(.failureRate, for: policy.openTime(openings), at: now, policy, &generator)
        }
    }

    /// Nobody waits any longer for a call that began at `begun`; `slow` if it had by then taken longer than it should have.
    package mutating func abandoned(
        slow: Bool = false, begun: Moment, at now: Moment, under policy: Policy = .standard, using generator: inout SeededGenerator
    ) -> Change? {
        let isCurrent = settle(begun)
        switch state(at: now) {
        case .closed:
            guard slow, isCurrent else { return nil }
            window.add(failed: false, slow: true, tick: policy.halfLife.tick(at: now))
            return openIfSlow(at: now, policy, &generator)
        case .open: return nil
        case .halfOpen:
            guard isCurrent, slow else { return nil }
            return open(.probeSlow, for: policy.openTime(openings), at: now, policy, &generator)
        }
    }

    // MARK: How it changes

    private mutating func openIfSlow(at now: Moment, _ policy: Policy, _ generator: inout SeededGenerator) -> Change? {
        guard window.calls >= policy.minimumCalls, window.slow >= window.calls * policy.slowRate else { return nil }
        forgetOpenings(at: now, policy)
        return open(.slowCalls, for: policy.openTime(openings), at: now, policy, &generator)
    }

    /// Gives back the slot of a probe; `false` if the call belongs to an earlier time, of which it would tell.
    private mutating func settle(_ begun: Moment) -> Bool {
        guard begun >= epoch else { return false }
        if isOpen { probes = max(0, probes - 1) }
        return true
    }

    /// How long a failure of this kind closes the way by itself; `nil` if it only counts.
    private func refusalTime(_ code: ProviderError.Code, _ retryAfter: Duration?, after openings: Int32, _ policy: Policy) -> Int64? {
        if let retryAfter {
            let wait = min(max(0, retryAfter.milliseconds(rounded: .up)), CircuitBreaker.longestAsked)
            // Asked again right after a wait that it asked for, it does not know itself how long it needs.
            return openings == 0 ? wait : max(wait, policy.openTime(openings - 1))
        }
        switch code {
        case .outOfCredit, .unauthenticated, .forbidden: return policy.refusalTime(openings)
        case .rateLimited: return policy.openTime(openings)
        default: return nil
        }
    }

    private mutating func refuse(
        _ code: ProviderError.Code, for wait: Int64, asked retryAfter: Duration?, at now: Moment, _ policy: Policy,
        _ generator: inout SeededGenerator
    ) -> Change? {
        if let retryAfter {
            let wait = min(max(0, retryAfter.milliseconds(rounded: .up)), CircuitBreaker.longestAsked)
            asked = max(asked, Moment(milliseconds: now.milliseconds + wait))
        }
        let change: Change?
        if state(at: now) == .open {
            extend(by: wait, at: now, policy, &generator)
            change = nil
        } else {
            change = open(.refused(code), for: wait, at: now, policy, &generator)
        }
        switch code {
        case .outOfCredit, .unauthenticated, .forbidden: isRefused = true
        default: break
        }
        return change
    }

    /// A place that was well for long starts anew.
    private mutating func forgetOpenings(at now: Moment, _ policy: Policy) {
        if !isOpen, openings > 0, now.milliseconds - closed.milliseconds >= policy.forgetAfter { openings = 0 }
    }

    private mutating func open(
        _ cause: Cause, for wait: Int64, at now: Moment, _ policy: Policy, _ generator: inout SeededGenerator
    ) -> Change {
        let from = state(at: now)
        isOpen = true
        isAnnounced = false
        isRefused = false
        opened = now
        until = now
        openings = min(openings + 1, 30)
        probes = 0
        successes = 0
        consecutiveFailures = 0
        window = Window()
        extend(by: wait, at: now, policy, &generator)
        return Change(from: from, to: .open, cause: cause, until: until)
    }

    /// Puts the end of the opening no earlier than `wait` from now, and by chance somewhat later, so that not everybody comes back at once.
    private mutating func extend(by wait: Int64, at now: Moment, _ policy: Policy, _ generator: inout SeededGenerator) {
        let jitter = wait * policy.jitterPercent / 100
        let end = now.milliseconds + wait + (jitter > 0 ? Int64(generator.next() % UInt64(jitter + 1)) : 0)
        until = max(until, Moment(milliseconds: end), asked)
        epoch = earliestProbe
        probes = 0
    }

    /// Callers measure how long a call took by themselves, so a probe may seem to have begun a little before its time; but never before
    /// the opening.
    private var earliestProbe: Moment {
        max(Moment(milliseconds: opened.milliseconds + 1), Moment(milliseconds: until.milliseconds - CircuitBreaker.slack))
    }

    private mutating func announceHalfOpen(_ cause: Cause) -> Change? {
        guard !isAnnounced else { return nil }
        isAnnounced = true
        return Change(from: .open, to: .halfOpen, cause: cause)
    }

    private mutating func close(at now: Moment, _ cause: Cause) -> Change {
        isOpen = false
        isRefused = false
        probes = 0
        closed = now
        return Change(from: cause == .unexpectedSuccess ? .open : .halfOpen, to: .closed, cause: cause)
    }

    /// By how much, in milliseconds, a call may seem to have begun too early.
    private static let slack: Int64 = 250

    /// The longest wait that a place may ask for.
    static let longestAsked: Int64 = 86_400_000
}

extension CircuitBreaker {
    /// What a restart must not forget. Calls that are under way now are forgotten: their ends will not be reported.
    package var json: JSONValue {
        let counts = [window.calls, window.failures, window.slow].map { Int64(($0 * 1000).rounded()) }
        let flags: Int64 = (isOpen ? 1 : 0) + (isRefused ? 2 : 0)
        let numbers: [Int64] = [
            1, flags, until.milliseconds, asked.milliseconds, Int64(openings), closed.milliseconds, Int64(consecutiveFailures), window.tick,
        ]
        return .array((numbers + counts).map { .integer($0) })
    }

    /// Restores what ``json`` kept; `nil` if it is nothing of the kind.
    package init?(json: JSONValue, at now: Moment) {
        let numbers = (json.arrayValue ?? []).compactMap(\.intValue)
        guard numbers.count == 11, numbers[0] == 1, numbers[4...].allSatisfy({ $0 >= 0 }) else { return nil }
        isOpen = numbers[1] & 1 != 0
        isRefused = numbers[1] & 2 != 0
        // Even if the clock was put back, an opening ends.
        let latest = now.milliseconds + 2 * CircuitBreaker.longestAsked
        until = Moment(milliseconds: isOpen ? min(max(0, Int64(numbers[2])), latest) : Int64(numbers[2]))
        asked = Moment(milliseconds: min(Int64(numbers[3]), latest))
        openings = Int32(min(numbers[4], 30))
        closed = Moment(milliseconds: min(Int64(numbers[5]), now.milliseconds))
        consecutiveFailures = Int32(clamping: numbers[6])
        window = Window(
            calls: Double(numbers[8]) / 1000, failures: Double(numbers[9]) / 1000, slow: Double(numbers[10]) / 1000,
            tick: Int64(numbers[7]))
        // What was under way is forgotten, so what is heard of from here on began after this.
        opened = Moment(milliseconds: now.milliseconds - 1)
        epoch = isOpen ? earliestProbe : now
    }
}

extension CircuitBreaker.Cause: CustomStringConvertible {
    /// In words for an operator, after "opened: ".
    package var description: String {
        switch self {
        case .failureRate: "too many recent calls failed"
        case .consecutiveFailures: "several calls failed one after another"
        case .slowCalls: "too many recent calls were slow"
        case .refused(let code): "refused with \(code.rawValue)"
        case .probeFailed: "a probe failed"
        case .probeSlow: "a probe was slow"
        case .probesSucceeded: "probes went well"
        case .timePassed: "its time was over"
        case .unexpectedSuccess: "a call went well"
        }
    }
}

extension ProviderError.Code {
    /// Whether a failure of this kind says anything of the place, rather than of what it was asked.
    package var speaksAgainstPlace: Bool {
        switch self {
        case .invalid, .notFound, .unsupported: false
        default: true
        }
    }
}
