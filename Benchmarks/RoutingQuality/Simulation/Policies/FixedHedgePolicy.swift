package import SandstormRouting

/// The strong simple rule: a primary and a backup, a second create after half a second, at most 7 % of them, and the two swapped when
/// the primary has become clearly slower.
///
/// It is given its order, the fastest first, as somebody would write it down who had measured before; of what it was given, it uses what
/// does not fail. Failures cool down for a minute and go on to the next in the order.
package struct FixedHedgePolicy: RoutingPolicy {
    private let places: [Int: Int]
    private let delay: Microseconds
    private let share: Double
    /// Of how many starts a median is made.
    private let window = 10
    /// How much faster the backup must be to take over.
    private let advantage = 0.8

    private var offers: [Int] = []
    private var cooldowns = Cooldowns(for: .minutes(1), allowedFailures: 1)
    private var starts: [Int: [Microseconds]] = [:]
    private var medians: [Int: Microseconds] = [:]
    private var isSwapped = false
    private var pair: [Int] = []
    private var firsts: [Int: Int] = [:]
    private var tokens = 3.0

    /// - Parameters:
    ///   - order: the world's indices, the first choice first; what is missing comes last.
    ///   - share: of second creates in all requests.
    package init(order: [Int], delay: Microseconds = .milliseconds(500), share: Double = 0.07) {
        places = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
        self.delay = delay
        self.share = share
    }

    package mutating func see(_ market: Market) {
        offers = market.offers.map(\.index).sorted { (places[$0] ?? .max, $0) < (places[$1] ?? .max, $1) }
    }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        tokens = min(10, tokens + share)
        let best = Array(cooldowns.usable(of: offers, at: now).prefix(2))
        guard let first = best.first else { return nil }
        if best != pair {
            pair = best
            isSwapped = false
        }
        if best.count > 1, let present = medians[best[isSwapped ? 1 : 0]], let other = medians[best[isSwapped ? 0 : 1]],
            Double(other) < Double(present) * advantage
        {
            isSwapped.toggle()
        }
        let offer = isSwapped ? best[1] : first
        firsts[request.id] = offer
        return RoutingPlan(offer: offer, hedgeDelay: delay)
    }

    package mutating func hedge(_ request: SimulatedRequest, tried: [Int], waited: Microseconds, at now: Microseconds) -> HedgeStep {
        guard tokens >= 1, let first = firsts[request.id],
            let second = cooldowns.usable(of: offers.filter { $0 != first }, at: now).first
        else { return .none }
        tokens -= 1
        return .start(second, then: nil)
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        switch event {
        case .started(let after), .abandoned(let after):
            var recent = starts[offer, default: []]
            recent.append(Microseconds(after))
            if recent.count > window { recent.removeFirst() }
            starts[offer] = recent
            medians[offer] = recent.sorted()[recent.count / 2]
        case .failed(let code, _, let retryAfter): cooldowns.addFailure(code, of: offer, retryAfter: retryAfter, at: now)
        case .finished, .interrupted: break
        }
    }

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        let left = offers.filter { offer in !failures.contains { $0.offer == offer } }
        return cooldowns.usable(of: left, at: now).first.map { .attempt($0, after: 0) } ?? .giveUp
    }

    package mutating func forget(_ request: SimulatedRequest) { firsts[request.id] = nil }
}
