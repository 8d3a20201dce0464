import SandstormCore
import Testing

@testable import SandstormRouting

/// What must hold of every decision, whatever is on offer and whatever was learned.
@Suite("Properties of rankings") struct RankingPropertyTests {
    private static let regions: [String?] = [nil, "eu", "us", "ap"]

    private static func offers(_ generator: inout SeededGenerator) -> [Offer] {
        (0..<Int.random(in: 1...12, using: &generator)).map { number in
            Market.offer(
                "p\(number)", perVCPUSecond: .random(in: 0...100_000_000, using: &generator),
                latency: .milliseconds(.random(in: 10...5000, using: &generator)), region: regions.randomElement(using: &generator) ?? nil,
                isolation: IsolationLevel.allCases.randomElement(using: &generator) ?? .standard)
        }
    }

    private static func request(_ generator: inout SeededGenerator) -> RoutingRequest {
        var constraints = Constraints(objective: Constraints.Objective.allCases.randomElement(using: &generator) ?? .balanced)
        if Bool.random(using: &generator) { constraints.maxLatency = .milliseconds(.random(in: 50...6000, using: &generator)) }
        if Bool.random(using: &generator) { constraints.maxCost = Money(nanodollars: .random(in: 0...3_000_000, using: &generator)) }
        if Bool.random(using: &generator) { constraints.excludeProviders = [ProviderID("p\(Int.random(in: 0...5, using: &generator))")] }
        if Bool.random(using: &generator) { constraints.preferredProviders = [ProviderID("p\(Int.random(in: 0...5, using: &generator))")] }
        constraints.explore = Bool.random(using: &generator)
        return RoutingRequest(
            constraints, region: regions.randomElement(using: &generator) ?? nil,
            isolation: Bool.random(using: &generator) ? .standard : .strong)
    }

    /// Lives through some creates that end in any way.
    private static func live(_ router: inout Router, _ table: OfferTable, _ now: inout Moment, _ generator: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 0...60, using: &generator) {
            let offer = Int.random(in: table.offers.indices, using: &generator)
            let latency = Duration.milliseconds(.random(in: 5...8000, using: &generator))
            router.began(offer, of: table, at: now)
            now = now + .milliseconds(.random(in: 0...2000, using: &generator))
            let event: Observation.Event =
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: .failed(ProviderError.Code.allCases.randomElement(using: &generator) ?? .unavailable, after: latency)
                case 1: .failed(.rateLimited, after: latency, retryAfter: .seconds(.random(in: 1...60, using: &generator)))
                case 2: .abandoned(after: latency)
                default: .started(after: latency)
                }
            router.record(Observation(offer: offer, workload: .unknown, event), among: table, at: now + latency)
            guard case .started = event else { continue }
            let end: Observation.Event =
                Int.random(in: 0..<10, using: &generator) == 0 ? .interrupted(after: latency) : .finished(after: latency)
            router.record(Observation(offer: offer, workload: .unknown, end), among: table, at: now + latency)
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `hard constraints hold, and nothing that was dropped is named`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            var router = Router(seed: generator.next())
            let table = router.table(of: Market.groups(Self.offers(&generator)))
            var now = Market.start
            Self.live(&router, table, &now, &generator)
            let request = Self.request(&generator)
            let ranking = router.rank(request, among: table, at: now)
            for entry in ranking.entries + ranking.resting {
                let offer = table.offers[entry.offer]
                #expect(!request.constraints.excludeProviders.contains(offer.provider))
                #expect(offer.isolation >= request.isolation)
                #expect(request.region == nil || offer.region == request.region)
                if let cap = request.constraints.maxCost {
                    let life = offer.price.longestDuration(of: offer.resources, within: cap) ?? .zero
                    #expect(life > table.teardownTimes[entry.offer] + Router.leastUsefulLife)
                }
                if let limit = request.constraints.maxLatency { #expect(entry.latency <= limit) }
            }
            let allowed = Set((ranking.entries + ranking.resting).map(\.offer))
            if let hedge = ranking.hedge {
                #expect(allowed.contains(hedge.offer))
                #expect(request.constraints.explore || !hedge.explores)
            }
            #expect(ranking.decision.ranking.map(\.offer) == ranking.entries.map { table.offers[$0.offer] })
            #expect(ranking.decision.candidates.count == table.offers.count)
            let later = now + .seconds(1)
            if case .start(let offer, _) = router.hedge(ranking, tried: [], waited: .seconds(1), for: request, at: later) {
                #expect(allowed.contains(offer))
            }
            var failures: [(offer: Int, error: ProviderError)] = []
            for _ in 0..<20 {
                guard case .attempt(let offer, _) = router.next(after: failures, of: ranking, for: request, at: later) else { break }
                #expect(allowed.contains(offer))
                failures.append((offer, ProviderError(.noCapacity, "")))
            }
            // Each place once: turned away everywhere, a run ends.
            #expect(Set(failures.map(\.offer)).count == failures.count)
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `the same calls give the same answers`(seed: UInt64) {
        func orders() -> [[Int]] {
            var generator = SeededGenerator(seed: seed)
            var router = Router(seed: 7)
            let table = router.table(of: Market.groups(Self.offers(&generator)))
            var now = Market.start
            return (0..<20).map { _ in
                Self.live(&router, table, &now, &generator)
                let ranking = router.rank(Self.request(&generator), among: table, at: now)
                return ranking.entries.map(\.offer) + [ranking.hedge?.offer ?? -1]
            }
        }
        #expect(orders() == orders())
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `an offer that is worse in everything changes nothing`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for objective in Constraints.Objective.allCases {
            let offers = Self.offers(&generator)
            let model = offers[Int.random(in: offers.indices, using: &generator)]
            var worse = Market.offer(
                "worse", latency: model.startLatency + .milliseconds(50), region: model.region, isolation: model.isolation)
            worse.price = PriceSchedule(perVCPUSecond: Rate(picodollars: model.price.perVCPUSecond.picodollars + 1_000_000))
            var (without, with) = (Router(seed: seed), Router(seed: seed))
            let constraints = Constraints(objective: objective)
            let order = with.order(offers + [worse], constraints).filter { $0 != "worse" }
            // Who goes first may depend on who stands behind it, but then on the best of them.
            #expect(order == without.order(offers, constraints), "\(objective)")
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `cheaper or faster never ranks lower`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for objective in Constraints.Objective.allCases {
            var offers = Self.offers(&generator)
            let index = Int.random(in: offers.indices, using: &generator)
            let provider = offers[index].provider
            let constraints = Constraints(objective: objective)
            var before = Router(seed: seed)
            let rank = before.order(offers, constraints).firstIndex(of: provider)
            if Bool.random(using: &generator) {
                offers[index].price = PriceSchedule(perVCPUSecond: Rate(picodollars: offers[index].price.perVCPUSecond.picodollars / 2))
            } else {
                offers[index].startLatency = offers[index].startLatency / 2
            }
            var after = Router(seed: seed)
            let newRank = after.order(offers, constraints).firstIndex(of: provider)
            #expect((newRank ?? .max) <= (rank ?? .max), "\(objective)")
        }
    }

    @Test func `second creates keep to their budget over any long time`() {
        var generator = SeededGenerator(seed: 3)
        let configuration = RoutingConfiguration()
        var router = Router(configuration, seed: 1)
        let table = router.table(of: Market.groups((0..<6).map { Market.offer("p\($0)") }))
        let request = RoutingRequest(Constraints(objective: .fastest))
        var now = Market.start
        var hedges = 0
        for _ in 0..<5000 {
            let ranking = router.rank(request, among: table, at: now)
            guard let first = ranking.entries.first else { continue }
            router.began(first.offer, of: table, at: now)
            var tried = [first.offer]
            var waited = ranking.hedge?.delay
            // Nothing ever starts in time: whoever asks is granted what the budget has.
            while let time = waited, time < .seconds(20) {
                switch router.hedge(ranking, tried: tried, waited: time, for: request, at: now + time) {
                case .none: waited = nil
                case .wait(let more): waited = time + more
                case .start(let offer, let then):
                    hedges += 1
                    tried.append(offer)
                    router.began(offer, of: table, at: now + time)
                    waited = then.map { time + $0 }
                }
            }
            for offer in tried {
                router.record(
                    Observation(offer: offer, workload: .unknown, .abandoned(after: .seconds(20))), among: table, at: now + .seconds(20))
            }
            now = now + .milliseconds(.random(in: 20_000...30_000, using: &generator))
        }
        #expect(hedges <= 5000 * configuration.hedgesPerMille / 1000 + configuration.hedgeBurst)
        #expect(hedges > 200)
    }
}
