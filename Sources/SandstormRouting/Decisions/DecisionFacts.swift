import SandstormCore

/// What a decision rested on, kept until somebody wants to read it.
struct DecisionFacts: Sendable {
    var request: RoutingRequest
    var table: OfferTable
    var entries: [Ranking.Entry]
    var drops: [DropReason]
    var hedge: HedgePlan?
    var expectation: WorkloadModel.Expectation
    var now: Moment
    /// Of offers that start too late: when nine in ten starts there have happened.
    var late: [Int: Duration]
    /// Of offers that rest: until when, as far as that is known.
    var resting: [Int: Moment]

    /// Every offer with its numbers: the kept ones first, best first; then the dropped ones, each with the reason in words.
    var decision: Decision {
        var candidates = entries.map { entry in
            candidate(entry.offer, isKept: true, keepReason(table.offers[entry.offer]), cost: entry.cost, latency: entry.latency)
        }
        for offer in drops.indices where drops[offer] != .kept {
            candidates.append(candidate(offer, isKept: false, words(for: drops[offer], offer), cost: nil, latency: nil))
        }
        return Decision(candidates: candidates, refusals: table.refusals, objective: request.constraints.objective)
    }

    private func candidate(_ index: Int, isKept: Bool, _ reason: String, cost: Money?, latency: Duration?) -> Decision.Candidate {
        let offer = table.offers[index]
        let teardown = table.teardownTimes[index]
        let expected = cost ?? offer.price.cost(of: offer.resources, for: min(expectation.duration, request.timeout))
        let worst = offer.price.cost(of: offer.resources, for: offer.startLatency + request.timeout + teardown)
        let deadline = request.constraints.maxCost.map { limit in
            (offer.price.longestDuration(of: offer.resources, within: limit) ?? .zero) - teardown
        }
        return Decision.Candidate(
            offer: offer, isKept: isKept, reason: reason, predictedCost: expected ?? .zero, worstCost: worst ?? .zero,
            predictedLatency: latency ?? offer.startLatency, costDeadline: deadline)
    }

    private func keepReason(_ offer: Offer) -> String {
        if request.constraints.preferredProviders.contains(offer.provider) { return "preferred provider" }
        if let region = request.constraints.preferredRegion, offer.region == region { return "preferred region" }
        return "capable"
    }

    private func rest(_ offer: Int) -> String {
        guard let until = resting[offer], until > now else { return "" }
        return ", for another \((until - now).display)"
    }

    private func words(for drop: DropReason, _ index: Int) -> String {
        let offer = table.offers[index]
        return switch drop {
        case .kept: "capable"
        case .excludedProvider: "excluded by the request"
        case .isolation: "isolation \(offer.isolation.rawValue) is weaker than \(request.isolation.rawValue)"
        case .region: "not in region \(request.region ?? "")"
        case .unpriced: "has no price for these resources"
        case .rule: request.rule?.reason(against: offer, at: now) ?? "not allowed by the routing rule"
        case .tooSlow:
            "starts in about \((late[index] ?? offer.startLatency).display), later than \(request.constraints.maxLatency?.display ?? "")"
        case .tooDear: "\(request.constraints.maxCost?.description ?? "the cap") does not pay for the start and one second of run time"
        case .breakerOpen: "rests after failures" + rest(index)
        case .full: "full: its account takes no more for now"
        case .untried: "nothing is known of it yet, and the first run is on its way there"
        case .ejected: "rests, as it fails or delays more than the others" + rest(index)
        }
    }
}
