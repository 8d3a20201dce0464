import SandstormCore
import SandstormRouting

/// Where one run may go.
struct Route: Sendable {
    /// The choice in words, for the journal and for whoever asks.
    let decision: Decision
    /// What attempts name by their index.
    let offers: [Offer]
    /// What the router needs to go on; `nil` where there is nothing to choose.
    let choice: Choice?

    /// A ranking and what it was made for.
    struct Choice: Sendable {
        var ranking: Ranking
        var request: RoutingRequest
        /// The same question, asked later.
        var again: @Sendable () -> Route
    }

    init(_ ranking: Ranking, for request: RoutingRequest, again: @escaping @Sendable () -> Route) {
        var decision = ranking.told
        decision.rule = decision.rule ?? request.constraints.routing.map { $0.json.encoded }
        self.decision = decision
        offers = ranking.table.offers
        choice = Choice(ranking: ranking, request: request, again: again)
    }

    /// A place that is given: a copy is made where its original is, and what lives stays where it is.
    init(fixed candidate: Decision.Candidate, objective: Constraints.Objective) {
        decision = Decision(candidates: [candidate], refusals: [], objective: objective)
        offers = [candidate.offer]
        choice = nil
    }

    /// The best place; `nil` if there is none.
    var first: Int? {
        guard let choice else { return 0 }
        return choice.ranking.entries.first?.offer
    }

    /// There is no place now, but there may be one soon.
    var isWorthWaiting: Bool { choice?.ranking.isWorthWaiting ?? false }

    /// Places by preference.
    var places: [Int] { choice.map { $0.ranking.entries.map(\.offer) } ?? [0] }

    /// How long it should take there until code starts, by the better of what was learned and what is said.
    func expectedStart(at place: Int) -> Duration {
        let said = offers[place].startLatency
        guard let learned = choice?.ranking.entries.first(where: { $0.offer == place })?.latency else { return said }
        return min(said, learned)
    }

    /// What the decision says of a place.
    func candidate(at place: Int) -> Decision.Candidate {
        let offer = offers[place]
        return decision.candidates.first { $0.offer == offer }
            ?? Decision.Candidate(
                offer: offer, isKept: true, reason: "", predictedCost: .zero, worstCost: .zero, predictedLatency: offer.startLatency,
                costDeadline: nil)
    }
}

extension Ranking {
    /// The decision in words, with the numbers that the ranking goes by.
    fileprivate var told: Decision {
        var decision = decision
        let offers = table.offers
        var kept = decision.candidates.indices.filter { decision.candidates[$0].isKept }[...]
        for entry in entries {
            // Both are in the same order.
            guard let index = kept.popFirst(), decision.candidates[index].offer == offers[entry.offer] else { break }
            decision.candidates[index].expectedCost = decision.candidates[index].expectedCost ?? entry.cost
            decision.candidates[index].judgedLatency = decision.candidates[index].judgedLatency ?? entry.latency
            decision.candidates[index].failurePPM = decision.candidates[index].failurePPM ?? entry.failurePPM
            decision.candidates[index].score = decision.candidates[index].score ?? entry.score
        }
        if let hedge {
            decision.hedge = Decision.Hedge(offer: offers[hedge.offer].id, delay: hedge.delay, explores: hedge.explores)
        }
        return decision
    }
}
