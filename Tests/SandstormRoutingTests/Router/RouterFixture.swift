import SandstormCore

@testable import SandstormRouting

/// Offers and requests by the numbers that matter to a test.
enum Market {
    static let resources = Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 1)

    static func offer(
        _ provider: String, perVCPUSecond: Int64 = 10_000_000, latency: Duration = .milliseconds(100), region: String? = nil,
        isolation: IsolationLevel = .standard
    ) -> Offer {
        Offer(
            id: "\(provider)/x", provider: ProviderID(provider), region: region, resources: resources, isolation: isolation,
            price: PriceSchedule(perVCPUSecond: Rate(picodollars: perVCPUSecond)), startLatency: latency)
    }

    static func groups(_ offers: [Offer]) -> [ProviderOffers] { offers.map { ProviderOffers(provider: $0.provider, offers: [$0]) } }

    /// Noon of some Monday.
    static let start = Moment(milliseconds: 1_750_075_200_000)
}

extension Router {
    /// The providers in the order in which a run would be sent to them.
    mutating func order(
        _ offers: [Offer], _ constraints: Constraints = Constraints(), region: String? = nil, isolation: IsolationLevel = .standard,
        at now: Moment = Market.start
    ) -> [ProviderID] {
        let table = table(of: Market.groups(offers))
        let ranking = rank(RoutingRequest(constraints, region: region, isolation: isolation), among: table, at: now)
        return ranking.entries.map { table.offers[$0.offer].provider }
    }

    /// Makes `count` creates on an offer that each start after `latency`, one a second.
    mutating func learn(_ count: Int, startsOf offer: Int, of table: OfferTable, after latency: Duration, from now: inout Moment) {
        for _ in 0..<count {
            began(offer, of: table, at: now)
            record(Observation(offer: offer, workload: .unknown, .started(after: latency)), among: table, at: now + latency)
            record(Observation(offer: offer, workload: .unknown, .finished(after: .seconds(1))), among: table, at: now + latency)
            now = now + .seconds(1)
        }
    }
}
