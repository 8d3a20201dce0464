package import SandstormCore

/// Ranks the offers for a spec. Pure: it knows nothing but what it is handed.
///
/// An offer that breaks a hard constraint is dropped with the reason; what is left is ordered by the user's preferences and
/// then by the objective. Until durations are learned, a run is expected to take ``expectedDuration``.
package struct OfferRouter: Sendable {
    /// How long a run is expected to take where nothing is known of its kind.
    package static let expectedDuration = Duration.seconds(10)

    /// The run time that a cost cap must pay for: less can't be worth starting, and a kill that late could miss the cap.
    package static let leastUsefulLife = Duration.seconds(1)

    package init() {}

    /// What one provider offers for a spec.
    package struct ProviderOffers: Sendable {
        package var provider: ProviderID
        package var offers: [Offer]
        /// Why there is none, if there is none.
        package var refusal: String?
        /// How long a kill may take until the meter stops.
        package var teardownTime: Duration

        package init(provider: ProviderID, offers: [Offer], refusal: String?, teardownTime: Duration) {
            self.provider = provider
            self.offers = offers
            self.refusal = refusal
            self.teardownTime = teardownTime
        }
    }

    /// Decides where `spec` may run, best place first.
    package func decide(_ spec: SandboxSpec, _ constraints: Constraints, among providers: [ProviderOffers]) -> Decision {
        var candidates: [Decision.Candidate] = []
        var refusals: [Decision.Refusal] = []
        for provider in providers {
            if provider.offers.isEmpty {
                refusals.append(.init(provider: provider.provider, reason: provider.refusal ?? "no offer for this spec"))
            }
            for offer in provider.offers {
                candidates.append(assess(offer, for: spec, constraints, teardownTime: provider.teardownTime))
            }
        }
        let ranked = candidates.filter(\.isKept).sorted { precedes($0, $1, constraints) }
        return Decision(candidates: ranked + candidates.filter { !$0.isKept }, refusals: refusals, objective: constraints.objective)
    }

    private func assess(
        _ offer: Offer, for spec: SandboxSpec, _ constraints: Constraints, teardownTime: Duration
    ) -> Decision.Candidate {
        let expected = offer.price.cost(of: offer.resources, for: min(OfferRouter.expectedDuration, spec.timeout))
        let worst = offer.price.cost(of: offer.resources, for: offer.startLatency + spec.timeout + teardownTime)
        let deadline = constraints.maxCost.map { limit in
            (offer.price.longestDuration(of: offer.resources, within: limit) ?? .zero) - teardownTime
        }
        let reason = dropReason(offer, spec, constraints, priced: expected != nil && worst != nil, deadline: deadline)
        return Decision.Candidate(
            offer: offer, isKept: reason == nil, reason: reason ?? keepReason(offer, constraints), predictedCost: expected ?? .zero,
            worstCost: worst ?? .zero, predictedLatency: offer.startLatency, costDeadline: deadline)
    }

    private func dropReason(
        _ offer: Offer, _ spec: SandboxSpec, _ constraints: Constraints, priced: Bool, deadline: Duration?
    ) -> String? {
        if constraints.excludeProviders.contains(offer.provider) { return "excluded by the request" }
        if offer.isolation < spec.isolation { return "isolation \(offer.isolation.rawValue) is weaker than \(spec.isolation.rawValue)" }
        if let region = spec.region, offer.region != region { return "not in region \(region)" }
        if !priced { return "has no price for these resources" }
        if let limit = constraints.maxLatency, offer.startLatency > limit {
            return "starts in about \(offer.startLatency.display), later than \(limit.display)"
        }
        if let deadline, deadline < offer.startLatency + OfferRouter.leastUsefulLife {
            return "\(constraints.maxCost?.description ?? "the cap") does not pay for the start and one second of run time"
        }
        return nil
    }

    private func keepReason(_ offer: Offer, _ constraints: Constraints) -> String {
        if constraints.preferredProviders.contains(offer.provider) { return "preferred provider" }
        if let region = constraints.preferredRegion, offer.region == region { return "preferred region" }
        return "capable"
    }

    private func precedes(_ left: Decision.Candidate, _ right: Decision.Candidate, _ constraints: Constraints) -> Bool {
        let preference = (rank(left.offer, constraints), rank(right.offer, constraints))
        if preference.0 != preference.1 { return preference.0 < preference.1 }
        let cost = (left.predictedCost, right.predictedCost)
        let latency = (left.predictedLatency, right.predictedLatency)
        switch constraints.objective {
        case .fastest: return (latency.0, cost.0, left.offer.id) < (latency.1, cost.1, right.offer.id)
        case .cheapest, .balanced: return (cost.0, latency.0, left.offer.id) < (cost.1, latency.1, right.offer.id)
        }
    }

    /// Preferred providers in their order, then the preferred region, then the rest.
    private func rank(_ offer: Offer, _ constraints: Constraints) -> Int {
        let provider = constraints.preferredProviders.firstIndex(of: offer.provider) ?? constraints.preferredProviders.count
        let region = constraints.preferredRegion == nil || constraints.preferredRegion == offer.region ? 0 : 1
        return provider * 2 + region
    }
}
