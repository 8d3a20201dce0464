import SandstormCore
package import SandstormRouting

/// Any offer that has not failed lately: the default of gateways for language models, with a cooldown of a minute after failures and
/// each failure followed by another offer.
package struct CooldownPolicy: RoutingPolicy {
    private var stream: ChanceStream
    private var offers: [Int] = []
    private var cooldowns = Cooldowns(for: .minutes(1), allowedFailures: 3)

    package init(seed: UInt64) { stream = ChanceStream(Chance(seed: seed)) }

    package mutating func see(_ market: Market) { offers = market.offers.map(\.index) }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        let usable = cooldowns.usable(of: offers, at: now)
        return usable.isEmpty ? nil : RoutingPlan(offer: usable[stream.next().index(below: usable.count)])
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        if case .failed(let code, _, let retryAfter) = event {
            cooldowns.addFailure(code, of: offer, retryAfter: retryAfter, at: now)
        }
    }

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        let left = offers.filter { offer in !failures.contains { $0.offer == offer } }
        let usable = cooldowns.usable(of: left, at: now)
        return usable.isEmpty ? .giveUp : .attempt(usable[stream.next().index(below: usable.count)], after: 0)
    }
}

/// The lowest average of the last starts, as the latency-based routing of gateways for language models has it.
///
/// An offer of which nothing was measured within an hour counts as the fastest, so that it is tried. A timeout counts as a start of 1000 s.
/// Failing offers cool down for a minute, and each failure is followed by another offer.
package struct LatencyPolicy: RoutingPolicy {
    private var stream: ChanceStream
    private var offers: [Int] = []
    private var cooldowns = Cooldowns(for: .minutes(1), allowedFailures: 3)
    private var starts: [Int: [(at: Microseconds, start: Microseconds)]] = [:]
    private let window: Int

    /// - Parameter window: of how many starts the average is made.
    package init(seed: UInt64, window: Int = 10) {
        stream = ChanceStream(Chance(seed: seed))
        self.window = window
    }

    package mutating func see(_ market: Market) { offers = market.offers.map(\.index) }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        fastest(of: offers, at: now).map { RoutingPlan(offer: $0) }
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        switch event {
        case .started(let after): add(Microseconds(after), of: offer, at: now)
        case .failed(let code, _, let retryAfter):
            if code == .timedOut { add(.seconds(1000), of: offer, at: now) }
            cooldowns.addFailure(code, of: offer, retryAfter: retryAfter, at: now)
        case .abandoned, .finished, .interrupted: break
        }
    }

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        fastest(of: offers.filter { offer in !failures.contains { $0.offer == offer } }, at: now).map { .attempt($0, after: 0) } ?? .giveUp
    }

    private mutating func add(_ start: Microseconds, of offer: Int, at now: Microseconds) {
        var recent = starts[offer, default: []]
        recent.append((now, start))
        if recent.count > window { recent.removeFirst() }
        starts[offer] = recent
    }

    private mutating func fastest(of offers: [Int], at now: Microseconds) -> Int? {
        let averages = cooldowns.usable(of: offers, at: now).map { offer in
            let fresh = starts[offer, default: []].filter { now - $0.at < .hours(1) }
            return (offer: offer, average: fresh.isEmpty ? 0 : fresh.reduce(0) { $0 + $1.start } / Microseconds(fresh.count))
        }
        guard let least = averages.map(\.average).min() else { return nil }
        let best = averages.filter { $0.average == least }
        return best[stream.next().index(below: best.count)].offer
    }
}
