import SandstormCore

extension Router {
    /// What a hedge must be worth, in milliseconds and in shares of the fastest place's usual start: what the budget is spent on best.
    private static let price = (base: Float(150), share: Float(0.5))

    /// When a second create pays, and on which offer.
    mutating func planHedge(
        _ entries: inout [Ranking.Entry], _ request: RoutingRequest, _ table: OfferTable, _ limit: Float, at now: Moment
    ) -> HedgePlan? {
        guard configuration.hedgesPerMille > 0, entries.count > 1, entries[1].tier == entries[0].tier else { return nil }
        if request.constraints.priorities.latency == 0 { return rescue(entries, table, limit, at: now) }
        // Which of the best goes first depends on who stands behind it: one that often refuses at once does no harm with a good second.
        let field = min(3, entries.prefix(3).count { $0.tier == entries[0].tier })
        let numbers = entries.prefix(field).map { table.places[$0.offer] }
        var fastest = Int64.max
        for number in numbers { fastest = min(fastest, places[number].prospects(at: now, limit: limit).median) }
        // The emptier the budget, the dearer a hedge; in coarse steps, so that what was reckoned with it holds for a while.
        let fill = (min(1, Float(hedges.available) / Float(max(1, configuration.hedgeBurst) * 500)) * 20).rounded() / 20
        let price = (Router.price.base + Router.price.share * Float(fastest)) * (1 + 3 * (1 - fill))
        let mayChange = request.constraints.priorities.cost == 0
        let question = PairQuestion(
            places: numbers, versions: numbers.map { places[$0].version }, price: price, limit: limit, mayChange: mayChange)
        let best = lastPair.flatMap { $0.question == question ? $0.answer : nil } ?? bestPair(question)
        lastPair = (question, best)
        let plan = HedgePlan(delay: .milliseconds(Int64(TimeScale.edges[best.delay])), offer: entries[best.second].offer, explores: false)
        if best.first > 0 { entries.insert(entries.remove(at: best.first), at: 0) }
        return explore(entries, request, table, limit, at: now) ?? plan
    }

    /// Of the best few places: who goes first, who second, and when.
    struct PairQuestion: Equatable, Sendable {
        var places: [Int]
        var versions: [Int]
        var price: Float
        var limit: Float
        var mayChange: Bool
    }

    struct PairAnswer: Sendable {
        var first = 0
        var second = 1
        var delay = Router.delays.lowerBound
    }

    private func bestPair(_ question: PairQuestion) -> PairAnswer {
        var best: (loss: Float, answer: PairAnswer)?
        for first in question.places.indices where first == 0 || question.mayChange {
            for second in question.places.indices where second != first {
                for delay in stride(from: Router.delays.lowerBound, to: Router.delays.upperBound, by: 3) {
                    let claim = places[question.places[first]].curve.survival[delay]
                    let loss =
                        Race.pair(
                            places[question.places[first]].curve, places[question.places[second]].curve, delay: delay, limit: question.limit
                        )
                        + question.price * claim
                    if best.map({ loss < $0.loss }) ?? true {
                        best = (loss, PairAnswer(first: first, second: second, delay: delay))
                    }
                }
            }
        }
        return best?.answer ?? PairAnswer()
    }

    /// 100 ms … 3.5 s, and further out where places are slower.
    private static let delays = 14..<46

    /// Where only the price counts, a second create is only for one that hangs.
    private mutating func rescue(_ entries: [Ranking.Entry], _ table: OfferTable, _ limit: Float, at now: Moment) -> HedgePlan? {
        let first = places[table.places[entries[0].offer]].prospects(at: now, limit: limit)
        return HedgePlan(delay: .milliseconds(max(2000, first.late * 3)), offer: entries[1].offer, explores: false)
    }

    /// A second create at once at a place of which too little is known, if it may be better than the first: the wait is no longer for it, and
    /// what it costs is bounded by the budget.
    private mutating func explore(
        _ entries: [Ranking.Entry], _ request: RoutingRequest, _ table: OfferTable, _ limit: Float, at now: Moment
    ) -> HedgePlan? {
        guard request.constraints.explore, configuration.explorationsPerMille > 0, hedges.allows else { return nil }
        guard places[table.places[entries[0].offer]].startup.isKnown else { return nil }
        let first = entries[0]
        let reference = places[table.places[first.offer]].prospects(at: now, limit: limit).logLoss
        let mayDraw = explorationCredit >= 1000 && hedges.available >= 2000
        var unknown: [Int] = []
        var chosen: (hope: Double, offer: Int)?
        for entry in entries[1...].prefix(64) where entry.tier == first.tier {
            let number = table.places[entry.offer]
            guard places[number].startup.observed > 0 else {
                // Of one that is being tried for the first time, nothing is known yet, not even when it was last seen.
                if places[number].pending == 0 { unknown.append(entry.offer) }
                continue
            }
            guard mayDraw, unknown.isEmpty else { continue }
            let loss = places[number].prospects(at: now, limit: limit).logLoss
            let idle = Double(max(0, now.milliseconds - places[number].startup.lastObserved)) / 3_600_000
            let evidence = Double(min(20, places[number].startup.recentWeight)) / (1 + idle / 6)
            // A draw from what the place may be like, the wider the less is known of it.
            let deviation = abs(gaussian()) / (evidence + 0.2).squareRoot()
            let hope = reference - loss + deviation
            if hope > 0, chosen.map({ hope > $0.hope }) ?? true { chosen = (hope, entry.offer) }
        }
        if let offer = unknown.randomElement(using: &generator) { return HedgePlan(delay: .zero, offer: offer, explores: true) }
        return chosen.map { HedgePlan(delay: .zero, offer: $0.offer, explores: true) }
    }

    /// Near enough to normal: the sum of four uniform numbers.
    private mutating func gaussian() -> Double {
        var sum = -2.0
        for _ in 0..<4 { sum += Double(generator.next() >> 11) * 0x1p-53 }
        return sum * 1.732_050_807_568_877
    }

    /// Nothing has started within the delay that was planned or last answered.
    ///
    /// - Parameters:
    ///   - tried: where creates of this run went so far.
    ///   - waited: since the first create began.
    package mutating func hedge(
        _ ranking: Ranking, tried: [Int], waited: Duration, for request: RoutingRequest, at now: Moment
    ) -> HedgeStep {
        guard let plan = ranking.hedge, waited < Router.longestHedging else { return .none }
        let explores = plan.explores && tried.count == 1 && waited < .milliseconds(20)
        if explores {
            guard hedges.take() else { return .wait(.milliseconds(250)) }
            explorationCredit = max(0, explorationCredit - 1000)
            return .start(plan.offer, then: .milliseconds(500))
        }
        let again = max(Duration.milliseconds(50), waited / 4)
        // Of many that are late together, those that are late longest have a better claim.
        if pending * 500 > hedges.available { return .wait(again) }
        guard hedges.allows else { return .wait(again) }
        guard tried.count <= Router.mostHedges, let offer = bestUntried(ranking, tried, request, at: now) else { return .none }
        guard hedges.take() else { return .wait(again) }
        return .start(offer, then: max(.milliseconds(100), waited * 2))
    }

    private static let mostHedges = 3
    private static let longestHedging = Duration.seconds(120)

    /// Of the ranked offers that were not tried and may be called, the one that is best by what is known now.
    mutating func bestUntried(_ ranking: Ranking, _ tried: [Int], _ request: RoutingRequest, at now: Moment) -> Int? {
        let table = ranking.table
        var best: (entry: Ranking.Entry, score: Int64)?
        for entry in ranking.entries + ranking.resting where !tried.contains(entry.offer) {
            let number = table.places[entry.offer]
            guard breakers[places[number].breaker].permits(at: now, under: configuration.breaker),
                limits[places[number].limit].permits(at: now, under: configuration.limit)
            else { continue }
            var score = entry.score
            if request.constraints.priorities.latency > 0 {
                let loss = places[table.places[entry.offer]].prospects(at: now, limit: Router.leastLimit).loss
                score = Router.score(cost: entry.cost, loss: Int64(min(loss, 1e9) * 1000), request.constraints)
            }
            if best.map({ (entry.tier, score) < ($0.entry.tier, $0.score) }) ?? true { best = (entry, score) }
        }
        return best?.entry.offer
    }
}
