import SandstormCore
package import SandstormRouting

/// The offers in an order that does not change, and after a failure the next of them.
///
/// What SDKs over several providers ship: the operator writes down a list, and each failure goes on down it. With the list ordered by
/// price or by start time it is what operators do who have read the price lists or a comparison.
package struct OrderedPolicy: RoutingPolicy {
    private var places: [Int: Int64]
    private let duration: Duration
    private var order: [Int] = []

    /// - Parameter order: the world's indices, the first choice first; what is missing comes last.
    package init(order: [Int]) {
        places = Dictionary(order.enumerated().map { ($1, Int64($0)) }, uniquingKeysWith: min)
        duration = .zero
    }

    /// By what a run of that length costs at the list price that stood when the offer was first seen, minimum and granularity applied.
    package init(cheapestFor duration: Duration) {
        places = [:]
        self.duration = duration
    }

    package mutating func see(_ market: Market) {
        for (index, offer) in market.offers where duration > .zero && places[index] == nil {
            places[index] = offer.price.cost(of: offer.resources, for: duration)?.nanodollars
        }
        order = market.offers.map(\.index).sorted { (places[$0] ?? .max, $0) < (places[$1] ?? .max, $1) }
    }

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
