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
        let step = step(after: last, failures, ranking, request, at: now)
        guard case .attempt = step else { return step }
        let tenant = Router.number(ofTenant: request.tenant)
        // Who was turned away has done no work yet and will not be sent there again soon; anything else may do the same work once more.
        let isTurnedAway = [.elsewhere, .elsewhereAndBackOff].contains(last.error.disposition)
        let isGranted = isTurnedAway ? redirects.take(for: tenant, at: now) : retries.take(for: tenant, at: now)
        return isGranted ? step : .retriesSpent
    }

    private mutating func step(
        after last: (offer: Int, error: ProviderError), _ failures: [(offer: Int, error: ProviderError)], _ ranking: Ranking,
        _ request: RoutingRequest, at now: Moment
    ) -> Next {
        let table = ranking.table
        let tries = failures.count { $0.offer == last.offer }
        let elsewhere = bestUntried(ranking, failures.map(\.offer), request, at: now)
        let place = places[table.places[last.offer]]
        if last.error.disposition == .sameOnceThenElsewhere, tries == 1,
            breakers[place.breaker].permits(at: now, under: configuration.breaker),
            // Whoever is in a hurry does not wait for the same place twice.
            request.constraints.priorities.cost > 0 || elsewhere == nil
        {
            return .attempt(last.offer, after: .milliseconds(Int64.random(in: 20...120, using: &generator)))
        }
        if let elsewhere { return .attempt(elsewhere, after: .zero) }
        // What is left are places that rest or are full. One of them, at most once each, is better than giving up.
        let rest = (ranking.entries + ranking.resting).filter { entry in !failures.contains { $0.offer == entry.offer } }
        let resting = rest.compactMap { entry in
            breakers[places[table.places[entry.offer]].breaker].reluctance(at: now).map { (entry, $0) }
        }
        let best = resting.min { ($0.1, $0.0.tier, $0.0.score) < ($1.1, $1.0.tier, $1.0.score) }
        return best.map { .attempt($0.0.offer, after: .zero) } ?? .nowhere
    }
}
