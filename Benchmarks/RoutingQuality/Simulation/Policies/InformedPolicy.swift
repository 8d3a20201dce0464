package import SandstormCore
package import SandstormRouting

/// Knows how every offer does at each time, but not the luck of each create: the second oracle, and what the best learner comes close to.
///
/// It takes what is best on average under the present conditions, goes on to the next best after a failure, and does not hedge.
package struct InformedPolicy: RoutingPolicy {
    private let world: ScenarioWorld
    private let objective: Constraints.Objective
    private var market = Market(since: 0, offers: [])
    private var order: [Int] = []
    private var validUntil: Microseconds = .min
    private var turn = 0

    package init(of world: ScenarioWorld, objective: Constraints.Objective) {
        self.world = world
        self.objective = objective
    }

    package mutating func see(_ market: Market) {
        self.market = market
        validUntil = .min
    }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        refresh(at: now)
        return order.first.map { RoutingPlan(offer: $0) }
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {}

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        refresh(at: now)
        return order.first { offer in !failures.contains { $0.offer == offer } }.map { .attempt($0, after: 0) } ?? .giveUp
    }

    private mutating func refresh(at now: Microseconds) {
        guard now >= validUntil else { return }
        let turns = world.turningPoints
        while turn < turns.count, turns[turn] <= now { turn += 1 }
        validUntil = turn < turns.count ? turns[turn] : .max
        let duration = meanDuration
        order = market.offers.map { ($0.index, badness(of: $0.index, $0.offer, duration, at: now)) }.sorted { $0.1 < $1.1 }.map(\.0)
    }

    private var meanDuration: Double {
        let some = world.requests.prefix(500)
        return some.isEmpty ? 10e6 : some.reduce(0) { $0 + Double($1.duration) } / Double(some.count)
    }

    /// The mean over luck of what the objective wants small. A failure costs no money, and a start the time that it takes and half a
    /// second elsewhere.
    private func badness(of index: Int, _ offer: Offer, _ duration: Double, at now: Microseconds) -> Double {
        let conditions = world.conditions(of: index, at: now)
        let samples = 200
        let draws = (0..<samples).map { world.draw(conditions, Chance(seed: 99).of(index).of($0)) }
        switch objective {
        case .cheapest:
            let costs = draws.filter { $0.failure == nil }.map { cost(of: $0, on: offer, duration) }
            return costs.isEmpty ? .infinity : costs.reduce(0, +) / Double(costs.count)
        case .fastest, .balanced:
            return draws.reduce(0) { $0 + Double($1.after) + ($1.failure == nil ? 0 : 500_000) } / Double(samples)
        }
    }

    /// What dies is paid for, and again in full.
    private func cost(of draw: Draw, on offer: Offer, _ duration: Double) -> Double {
        func charge(for time: Double) -> Double {
            let cost = offer.price.cost(of: offer.resources, for: Microseconds(Double(draw.after) + time).duration)
            return Double(cost?.nanodollars ?? .max)
        }
        guard let life = draw.diesAfter, Double(life) < duration else { return charge(for: duration) }
        return charge(for: Double(life)) + charge(for: duration)
    }
}
