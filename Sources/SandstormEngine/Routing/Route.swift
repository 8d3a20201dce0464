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
    }

    init(_ ranking: Ranking, for request: RoutingRequest) {
        decision = ranking.decision
        offers = ranking.table.offers
        choice = Choice(ranking: ranking, request: request)
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
