package import SandstormCore

extension Router {
    /// What a dispatcher does after a failure.
    package enum Next: Hashable, Sendable {
        /// Try this offer, after a pause.
        case attempt(Int, after: Duration)
        /// There is none left that may be tried.
        case nowhere
        /// There would be one, but retries have used up their share of the traffic.
        case retriesSpent
    }

    /// Where to go on.
    ///
    /// - Parameter failures: what was tried for this run so far, in its order, each with its error.
    package mutating func next(
        after failures: [(offer: Int, error: ProviderError)], of ranking: Ranking, for request: RoutingRequest, at now: Moment
    ) -> Next {
        guard let last = failures.last else { return ranking.entries.first.map { .attempt($0.offer, after: .zero) } ?? .nowhere }
        let tenant = Router.number(ofTenant: request.tenant)
        if let same = again(after: last, failures, ranking, request, at: now), retries.take(for: tenant, at: now) { return same }
        guard let elsewhere = elsewhere(failures.map(\.offer), ranking, request, at: now) else { return .nowhere }
        return redirects.take(for: tenant, at: now) ? .attempt(elsewhere, after: .zero) : .retriesSpent
    }

    /// The same place once more, if that is worth it.
    private mutating func again(
        after last: (offer: Int, error: ProviderError), _ failures: [(offer: Int, error: ProviderError)], _ ranking: Ranking,
        _ request: RoutingRequest, at now: Moment
    ) -> Next? {
        let breaker = places[ranking.table.places[last.offer]].breaker
        guard last.error.disposition == .sameOnceThenElsewhere, failures.count(where: { $0.offer == last.offer }) == 1,
            breakers[breaker].permits(at: now, under: configuration.breaker)
        else { return nil }
        // Whoever is in a hurry does not wait for the same place twice.
        guard request.constraints.priorities.cost > 0 || bestUntried(ranking, failures.map(\.offer), request, at: now) == nil else {
            return nil
        }
        return .attempt(last.offer, after: .milliseconds(Int64.random(in: 20...120, using: &generator)))
    }

    private mutating func elsewhere(_ tried: [Int], _ ranking: Ranking, _ request: RoutingRequest, at now: Moment) -> Int? {
        if let best = bestUntried(ranking, tried, request, at: now) { return best }
        // What is left are places that rest or are full. One of them, at most once each, is better than giving up.
        let rest = (ranking.entries + ranking.resting).filter { !tried.contains($0.offer) }
        let resting = rest.compactMap { entry in
            breakers[places[ranking.table.places[entry.offer]].breaker].reluctance(at: now).map { (entry, $0) }
        }
        return resting.min { ($0.1, $0.0.tier, $0.0.score) < ($1.1, $1.0.tier, $1.0.score) }?.0.offer
    }
}
