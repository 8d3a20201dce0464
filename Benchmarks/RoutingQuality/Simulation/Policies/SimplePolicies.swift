import SandstormCore
package import SandstormRouting

/// The offers in an order that does not change, and after a failure the next of them.
///
/// What SDKs over several providers ship: the operator writes down a list, and each failure goes on down it. With the list ordered by
/// price or by start time it is what operators do who have read the price lists or a comparison.
package struct OrderedPolicy: RoutingPolicy {
    private let precedes: (_ left: (index: Int, offer: Offer), _ right: (index: Int, offer: Offer)) -> Bool
    private var order: [Int] = []

    /// - Parameter order: the world's indices, the first choice first; what is missing comes last.
    package init(order: [Int]) {
        let places = Dictionary(order.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
        precedes = { (places[$0.index] ?? .max, $0.index) < (places[$1.index] ?? .max, $1.index) }
    }

    /// By the list price of a run of that length, read anew whenever prices change: static but for the price list itself.
    package init(cheapestFor duration: Duration) {
        precedes = { left, right in
            let costs = (
                left.offer.price.cost(of: left.offer.resources, for: duration),
                right.offer.price.cost(of: right.offer.resources, for: duration)
            )
            return (costs.0?.nanodollars ?? .max, left.index) < (costs.1?.nanodollars ?? .max, right.index)
        }
    }

    package mutating func see(_ market: Market) { order = market.offers.sorted(by: precedes).map(\.index) }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        order.first.map { RoutingPlan(offer: $0) }
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {}

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        order.first { offer in !failures.contains { $0.offer == offer } }.map { .attempt($0, after: 0) } ?? .giveUp
    }
}

/// Any offer, each as likely as the others; after a failure any other, until none is left.
package struct RandomPolicy: RoutingPolicy {
    private var stream: ChanceStream
    private var offers: [Int] = []

    package init(seed: UInt64) { stream = ChanceStream(Chance(seed: seed)) }

    package mutating func see(_ market: Market) { offers = market.offers.map(\.index) }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        offers.isEmpty ? nil : RoutingPlan(offer: offers[stream.next().index(below: offers.count)])
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {}

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        let left = offers.filter { offer in !failures.contains { $0.offer == offer } }
        return left.isEmpty ? .giveUp : .attempt(left[stream.next().index(below: left.count)], after: 0)
    }
}

/// One after another in a ring; after a failure the next in the ring, until all were tried.
package struct RoundRobinPolicy: RoutingPolicy {
    private var offers: [Int] = []
    private var turn = 0

    package init() {}

    package mutating func see(_ market: Market) { offers = market.offers.map(\.index) }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        guard !offers.isEmpty else { return nil }
        turn += 1
        return RoutingPlan(offer: offers[turn % offers.count])
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {}

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        let last = failures.last.flatMap { offers.firstIndex(of: $0.offer) } ?? 0
        for step in 1..<max(offers.count, 2) {
            let offer = offers[(last + step) % offers.count]
            if !failures.contains(where: { $0.offer == offer }) { return .attempt(offer, after: 0) }
        }
        return .giveUp
    }
}
