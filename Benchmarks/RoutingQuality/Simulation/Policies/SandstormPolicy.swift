package import SandstormCore
package import SandstormRouting

/// Ours: the ``Router`` through its facade, as the engine's dispatcher uses it, and nothing else.
package struct SandstormPolicy: RoutingPolicy {
    private struct Open {
        var ranking: Ranking
        var market: Int
    }

    private var router: Router
    private let workloads: [WorkloadClass]
    private let objective: Constraints.Objective
    private var table: OfferTable?
    /// The world's index by the table's, for each market so far, and the other way round for the present one.
    private var worldIndices: [[Int]] = []
    private var tableIndices: [Int: Int] = [:]
    private var open: [Int: Open] = [:]

    package init(objective: Constraints.Objective, workloads: [WorkloadClass], seed: UInt64 = 0) {
        router = Router(seed: seed)
        self.workloads = workloads
        self.objective = objective
    }

    package mutating func see(_ market: Market) {
        table = router.table(of: market.offers.map { ProviderOffers(provider: $0.offer.provider, offers: [$0.offer]) })
        worldIndices.append(market.offers.map(\.index))
        tableIndices = Dictionary(uniqueKeysWithValues: market.offers.enumerated().map { ($1.index, $0) })
    }

    package mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan? {
        guard let table else { return nil }
        let ranking = router.rank(asked(by: request), among: table, at: now.moment, again: open[request.id] != nil)
        open[request.id] = Open(ranking: ranking, market: worldIndices.count - 1)
        guard let best = ranking.entries.first else { return nil }
        let offer = worldIndices[worldIndices.count - 1][best.offer]
        return RoutingPlan(offer: offer, hedgeDelay: ranking.hedge.map { Microseconds($0.delay) })
    }

    package mutating func pause(before request: SimulatedRequest, at now: Microseconds) -> Microseconds? {
        open[request.id]?.ranking.isWorthWaiting == true ? .milliseconds(20) : nil
    }

    package mutating func began(_ offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        guard let place = place(of: offer, for: request) else { return }
        router.began(place.index, of: place.table, at: now.moment)
    }

    package mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds) {
        guard let place = place(of: offer, for: request) else { return }
        let observation = Observation(offer: place.index, workload: workloads[request.workload], event)
        router.record(observation, among: place.table, at: now.moment)
    }

    package mutating func hedge(_ request: SimulatedRequest, tried: [Int], waited: Microseconds, at now: Microseconds) -> HedgeStep {
        guard let known = open[request.id] else { return .none }
        let indices = worldIndices[known.market]
        let places = tried.compactMap { offer in indices.firstIndex(of: offer) }
        let step = router.hedge(
            known.ranking, tried: places, waited: waited.duration, for: asked(by: request), at: now.moment)
        guard case .start(let offer, let then) = step else { return step }
        return .start(indices[offer], then: then)
    }

    package mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep {
        guard let known = open[request.id] else { return .giveUp }
        let indices = worldIndices[known.market]
        let tried = failures.compactMap { failure in
            indices.firstIndex(of: failure.offer).map { (offer: $0, error: failure.error) }
        }
        switch router.next(after: tried, of: known.ranking, for: asked(by: request), at: now.moment) {
        case .attempt(let offer, let pause): return .attempt(indices[offer], after: Microseconds(pause))
        case .nowhere, .retriesSpent: return .giveUp
        }
    }

    package mutating func forget(_ request: SimulatedRequest) { open[request.id] = nil }

    private func place(of offer: Int, for request: SimulatedRequest) -> (index: Int, table: OfferTable)? {
        guard let known = open[request.id] else { return nil }
        let isPresent = known.market == worldIndices.count - 1
        let index = isPresent ? tableIndices[offer] : worldIndices[known.market].firstIndex(of: offer)
        return index.map { ($0, known.ranking.table) }
    }

    private func asked(by request: SimulatedRequest) -> RoutingRequest {
        RoutingRequest(
            Constraints(objective: objective), timeout: .seconds(3600), workload: workloads[request.workload],
            idempotent: request.isIdempotent)
    }
}
