import SandstormCore

extension Router {
    /// Ranks the offers of `table` for one run.
    ///
    /// - Parameter again: the run was ranked before and waited; it earns no second share of the budgets.
    package mutating func rank(_ request: RoutingRequest, among table: OfferTable, at now: Moment, again: Bool = false) -> Ranking {
        if !again { earn(request, at: now) }
        lookForOutliers(at: now)
        let constraints = request.constraints
        let expectation = workloads.expectation(of: request.workload)
        var drops = staticDrops(request, table)
        let tiers = tiers(by: request, table, &drops, at: now)
        var kept: [Int] = []
        for offer in drops.indices where drops[offer] == .kept { kept.append(offer) }

        let limit = longestWait(of: kept, table, at: now)
        // In milliseconds: reckoning with durations for each offer would take longer than all the rest.
        let typical = (duration: expectation.duration.wholeMilliseconds, timeout: request.timeout.wholeMilliseconds)
        var entries: [Ranking.Entry] = []
        entries.reserveCapacity(kept.count)
        var resting: [Ranking.Entry] = []
        var late: [Int: Duration] = [:]
        for offer in kept {
            switch judge(offer, of: table, request, expectation, typical, limit, tiers[offer], at: now) {
            case .success(let entry):
                let number = table.places[offer]
                if !breakers[places[number].breaker].permits(at: now, under: configuration.breaker) {
                    drops[offer] = .breakerOpen
                    resting.append(entry)
                } else if !limits[places[number].limit].permits(at: now, under: configuration.limit) {
                    drops[offer] = .full
                    resting.append(entry)
                } else {
                    entries.append(entry)
                }
            case .failure(let drop):
                drops[offer] = drop.reason
                if drop.reason == .tooSlow { late[offer] = drop.latency }
            }
        }
        takeOutOutliers(&entries, &resting, &drops, table, at: now)
        var isWorthWaiting = false
        if entries.isEmpty, !resting.isEmpty {
            // Refusing what the least bad place might take is worse than trying it; where the account itself named its limit, it isn't.
            if let best = leastReluctant(resting, table, drops, at: now) {
                entries = [best]
                drops[best.offer] = .kept
            } else {
                isWorthWaiting = true
            }
        }
        if awaitsFirstWord(of: entries, table, at: now) {
            for entry in entries { drops[entry.offer] = .untried }
            resting += entries
            entries = []
            isWorthWaiting = true
        }
        sort(&entries, constraints, table)
        if !resting.isEmpty { sort(&resting, constraints, table) }
        let hedge = planHedge(&entries, request, table, limit, at: now)
        let ranked = entries
        let others = resting
        let facts = DecisionFacts(
            request: request, table: table, entries: entries, drops: drops, hedge: hedge, expectation: expectation, now: now, late: late,
            resting: rests(of: resting, table, at: now))
        return Ranking(table: table, entries: ranked, resting: others, hedge: hedge, isWorthWaiting: isWorthWaiting, drops: facts.drops) {
            facts.decision
        }
    }

    private func rests(of resting: [Ranking.Entry], _ table: OfferTable, at now: Moment) -> [Int: Moment] {
        var rests: [Int: Moment] = [:]
        for entry in resting {
            let place = table.places[entry.offer]
            let until = breakers[places[place].breaker].opensUntil(at: now) ?? ejection.ejectedUntil(place, at: now)
            if let until { rests[entry.offer] = until }
        }
        return rests
    }

    /// Nothing is known of any of several places, and each has its first create under way: a burst is not sent after them blindly, but
    /// waits a moment for the first of them to come back.
    private func awaitsFirstWord(of entries: [Ranking.Entry], _ table: OfferTable, at now: Moment) -> Bool {
        guard entries.count > 1 else { return false }
        for entry in entries {
            let number = table.places[entry.offer]
            guard places[number].startup.observed == 0, places[number].pending > 0, let begun = places[number].startup.firstBegan,
                now - begun < min(Router.longestScouting, table.offers[entry.offer].startLatency)
            else { return false }
        }
        return true
    }

    private static let longestScouting = Duration.milliseconds(500)

    struct Drop: Error {
        var reason: DropReason
        var latency: Duration?
    }

    /// What can be said without looking at what was learned.
    private func staticDrops(_ request: RoutingRequest, _ table: OfferTable) -> [DropReason] {
        var drops = [DropReason](repeating: .kept, count: table.offers.count)
        let region = request.region.map { table.number(ofRegion: $0) }
        let excluded = request.constraints.excludeProviders.compactMap { table.number(of: $0) }
        let isolation = request.isolation
        table.traits.withUnsafeBufferPointer { traits in
            drops.withUnsafeMutableBufferPointer { drops in
                for offer in traits.indices {
                    let trait = traits[offer]
                    if let region, trait.region != region {
                        drops[offer] = .region
                    } else if trait.isolation < isolation {
                        drops[offer] = .isolation
                    } else if !excluded.isEmpty, excluded.contains(trait.provider) {
                        drops[offer] = .excludedProvider
                    }
                }
            }
        }
        return drops
    }

    /// Where the rule puts each offer; what it leaves out is dropped.
    private mutating func tiers(by request: RoutingRequest, _ table: OfferTable, _ drops: inout [DropReason], at now: Moment) -> [Int32] {
        guard let rule = request.rule else { return [Int32](repeating: 0, count: table.offers.count) }
        let plan: RulePlan
        if let known = plans.first(where: { $0.table == table.number && $0.plan.rule == rule }) {
            plan = known.plan
        } else {
            plan = RulePlan(rule, for: table.offers)
            if plans.count >= 16 { plans.removeFirst() }
            plans.append((table.number, plan))
        }
        var tiers = drops.map { $0 == .kept ? 0 : RulePlan.dropped }
        let session = request.constraints.sessionKey.map(RulePlan.session)
        plan.apply(to: &tiers, session: session, random: request.number ?? generator.next(), at: now)
        for offer in tiers.indices where drops[offer] == .kept && tiers[offer] == RulePlan.dropped { drops[offer] = .rule }
        return tiers
    }

    /// Takes out the places that stand out of the others, as long as enough are left.
    private func takeOutOutliers(
        _ entries: inout [Ranking.Entry], _ resting: inout [Ranking.Entry], _ drops: inout [DropReason], _ table: OfferTable, at now: Moment
    ) {
        let ejected = entries.compactMap { entry in
            ejection.isEjected(table.places[entry.offer], at: now) ? table.places[entry.offer] : nil
        }
        guard !ejected.isEmpty else { return }
        let readmitted = ejection.readmit(among: entries.count, ejected, at: now)
        entries.removeAll { entry in
            let place = table.places[entry.offer]
            guard ejected.contains(place), !readmitted.contains(place) else { return false }
            drops[entry.offer] = .ejected
            resting.append(entry)
            return true
        }
    }

    /// Compared with the fastest place, whoever waits so long waits for ever.
    private mutating func longestWait(of offers: [Int], _ table: OfferTable, at now: Moment) -> Float {
        var fastest = Int64.max
        for offer in offers { fastest = min(fastest, places[table.places[offer]].prospects(at: now, limit: Router.leastLimit).median) }
        guard fastest > 250, fastest < .max else { return Router.leastLimit }
        // In coarse steps, so that what was reckoned with it holds for a while.
        var limit = Router.leastLimit
        while limit < Float(fastest) * 6, limit < 1e6 { limit *= 2 }
        return limit
    }

    private mutating func judge(
        _ offer: Int, of table: OfferTable, _ request: RoutingRequest, _ expectation: WorkloadModel.Expectation,
        _ typical: (duration: Int64, timeout: Int64), _ limit: Float, _ tier: Int32, at now: Moment
    ) -> Result<Ranking.Entry, Drop> {
        let number = table.places[offer]
        let prospects = places[number].prospects(at: now, limit: limit)
        // What was seen of late has the hour in it already.
        let hour = Float(places[number].slowness.factor(at: now))
        let slowness = expectation.startup * (1 + (hour - 1) * 10 / (10 + places[number].startup.recentWeight))
        let start = Duration.milliseconds(Router.scaled(prospects.late, by: slowness))
        if let limit = request.constraints.maxLatency, start > limit { return .failure(Drop(reason: .tooSlow, latency: start)) }
        let price = table.offers[offer].price
        let resources = table.offers[offer].resources
        let duration = min(Router.scaled(typical.duration, by: prospects.speed), typical.timeout)
        // The meter runs from the create, as far as most price lists say.
        let billed = Duration.milliseconds(Router.scaled(prospects.median, by: slowness) + duration)
        guard let once = price.cost(of: resources, for: billed) else { return .failure(Drop(reason: .unpriced)) }
        if let cap = request.constraints.maxCost {
            let life = (price.longestDuration(of: resources, within: cap) ?? .zero) - table.teardownTimes[offer]
            if life < .milliseconds(prospects.median) + Router.leastUsefulLife { return .failure(Drop(reason: .tooDear)) }
        }
        // A run that may not be repeated is lost with its sandbox, which is worse than paying twice.
        let cost = Router.perSuccess(once, deathPPM: request.idempotent ? prospects.death : prospects.death * 4)
        let loss = Int64(min(prospects.loss * slowness, 1e9) * 1000)
        return .success(
            Ranking.Entry(
                offer: offer, cost: cost, latency: start, failurePPM: prospects.failure,
                tier: tier &* 1024 &+ preference(of: offer, table, request.constraints),
                score: Router.score(cost: cost, loss: loss, request.constraints)))
    }

    private static func scaled(_ milliseconds: Int64, by factor: Float) -> Int64 {
        factor == 1 ? milliseconds : Int64(min(Double(milliseconds) * Double(factor), 1e12).rounded())
    }

    /// What one that succeeds costs, those that die on the way included, which are paid for as well.
    static func perSuccess(_ cost: Money, deathPPM: Int) -> Money {
        guard deathPPM > 0 else { return cost }
        let divisor = 1_000_000 - Int64(min(deathPPM, 900_000))
        let product = max(0, cost.nanodollars).multipliedFullWidth(by: 1_000_000)
        guard product.high < divisor / 2 else { return Money(nanodollars: .max) }
        let (whole, rest) = divisor.dividingFullWidth(product)
        return Money(nanodollars: rest == 0 ? whole : whole + 1)
    }

    /// - Parameter loss: in microseconds.
    static func score(cost: Money, loss: Int64, _ constraints: Constraints) -> Int64 {
        let weights = constraints.priorities
        if weights.latency == 0 { return cost.nanodollars }
        if weights.cost == 0 { return loss }
        // Compared by ratios: twice as dear is made up for by twice as fast, whatever else is on offer.
        return Logarithm.binary(cost.nanodollars) * weights.cost + Logarithm.binary(loss) * weights.latency
    }

    /// Preferred providers in their order, then the preferred region, then the rest.
    private func preference(of index: Int, _ table: OfferTable, _ constraints: Constraints) -> Int32 {
        guard !constraints.preferredProviders.isEmpty || constraints.preferredRegion != nil else { return 0 }
        let offer = table.offers[index]
        let provider = constraints.preferredProviders.firstIndex(of: offer.provider) ?? constraints.preferredProviders.count
        let region = constraints.preferredRegion == nil || constraints.preferredRegion == offer.region ? 0 : 1
        return Int32(provider * 2 + region)
    }

    /// Best first. What is equal in every number is taken in turn, the one with the least under way first, so that nothing unknown gets all.
    private func sort(_ entries: inout [Ranking.Entry], _ constraints: Constraints, _ table: OfferTable) {
        let isCheapest = constraints.priorities.latency == 0
        entries.sort { left, right in
            if left.tier != right.tier { return left.tier < right.tier }
            if left.score != right.score { return left.score < right.score }
            if isCheapest, left.latency != right.latency { return left.latency < right.latency }
            let (leftPending, rightPending) = (places[table.places[left.offer]].pending, places[table.places[right.offer]].pending)
            if leftPending != rightPending { return leftPending < rightPending }
            if left.cost != right.cost { return left.cost < right.cost }
            return left.offer < right.offer
        }
    }

    /// Of places whose breakers are open, the one of which most is to be hoped; `nil` where none may be called even so.
    func leastReluctant(_ resting: [Ranking.Entry], _ table: OfferTable, _ drops: [DropReason], at now: Moment) -> Ranking.Entry? {
        let open = resting.filter { drops[$0.offer] == .breakerOpen }
        // What is merely full will have room soon.
        guard open.count == resting.count else { return nil }
        let candidates = open.compactMap { entry in
            breakers[places[table.places[entry.offer]].breaker].reluctance(at: now).map { (entry, $0) }
        }
        return candidates.min { ($0.1, $0.0.tier, $0.0.score, $0.0.offer) < ($1.1, $1.0.tier, $1.0.score, $1.0.offer) }?.0
    }
}
