import SandstormCore
import SandstormRouting

/// What would have to change in a request so that a dropped offer could take it.
struct NearestFit {
    let spec: SandboxSpec
    let constraints: Constraints
    /// How long a kill may take at a provider until the meter stops.
    let teardownTime: (ProviderID) -> Duration

    /// Why nothing can run the spec, provider by provider, and what would fit.
    func explanation(of decision: Decision) -> String {
        let refused = decision.refusals.map { "\($0.provider): \($0.reason)" }
        let dropped = decision.candidates.filter { !$0.isKept }.map { candidate in
            let changes = changes(for: candidate)
            let remedy = changes.isEmpty ? "" : "; would fit with " + changes.joined(separator: " and ")
            return "\(candidate.offer.id): \(candidate.reason)\(remedy)"
        }
        let reasons = refused + dropped
        return reasons.isEmpty ? "no provider is configured" : reasons.joined(separator: "; ")
    }

    /// The smallest changes of the request that let it pass what it demands of this offer itself; none if that is not what stands in the
    /// way.
    func changes(for candidate: Decision.Candidate) -> [String] {
        let offer = candidate.offer
        var changes: [String] = []
        if constraints.excludeProviders.contains(offer.provider) { changes.append("\(offer.provider) taken out of excludeProviders") }
        if offer.isolation < spec.isolation { changes.append("isolation \(offer.isolation.rawValue)") }
        if let region = spec.region, offer.region != region { changes.append(offer.region.map { "region \($0)" } ?? "no region") }
        let latency = max(candidate.predictedLatency, candidate.judgedLatency ?? .zero)
        if let limit = constraints.maxLatency, latency > limit {
            changes.append("maxLatency ≥ \(latency.milliseconds(rounded: .up))")
        }
        if let limit = constraints.maxCost, let cost = leastCost(of: candidate), cost > limit {
            changes.append("maxCost ≥ \(cost.decimal)")
        }
        return changes
    }

    /// What the start, one second of run time and the kill cost.
    private func leastCost(of candidate: Decision.Candidate) -> Money? {
        let offer = candidate.offer
        let life = candidate.predictedLatency + Router.leastUsefulLife + teardownTime(offer.provider)
        return offer.price.cost(of: offer.resources, for: life)
    }
}
