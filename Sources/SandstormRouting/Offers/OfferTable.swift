package import SandstormCore

/// What one provider offers for a spec.
package struct ProviderOffers: Sendable {
    package var provider: ProviderID
    package var offers: [Offer]
    /// Why there is none, if there is none.
    package var refusal: String?
    /// How long a kill may take until the meter stops.
    package var teardownTime: Duration

    package init(provider: ProviderID, offers: [Offer], refusal: String? = nil, teardownTime: Duration = .seconds(1)) {
        self.provider = provider
        self.offers = offers
        self.refusal = refusal
        self.teardownTime = teardownTime
    }
}

/// The offers among which a decision is made, prepared once for as many decisions as they stand unchanged.
///
/// An offer is named by its index in ``offers``. Made by ``Router/table(of:)``, and valid with that router only.
package struct OfferTable: Sendable {
    package let offers: [Offer]
    /// By the same index.
    package let teardownTimes: [Duration]
    /// Providers that made no offer.
    package let refusals: [Decision.Refusal]
    /// Where the router keeps what it has learned of each offer, by the same index.
    let places: [Int]
    /// What hard constraints look at, packed side by side: a table may have ten thousand offers, most of which are dropped.
    let traits: [Traits]
    /// Tells tables apart, for what is kept of them.
    let number: Int
    private let regions: [String: Int32]
    private let providers: [ProviderID: Int32]

    struct Traits: Sendable {
        /// -1 for none.
        var region: Int32
        var provider: Int32
        var isolation: IsolationLevel
    }

    init(_ groups: [ProviderOffers], number: Int, place: (Offer) -> Int) {
        self.number = number
        offers = groups.flatMap(\.offers)
        teardownTimes = groups.flatMap { group in group.offers.map { _ in group.teardownTime } }
        refusals = groups.filter(\.offers.isEmpty).map {
            Decision.Refusal(provider: $0.provider, reason: $0.refusal ?? "no offer for this spec")
        }
        places = offers.map(place)
        var regions: [String: Int32] = [:]
        var providers: [ProviderID: Int32] = [:]
        var traits: [Traits] = []
        traits.reserveCapacity(offers.count)
        for offer in offers {
            let provider = providers[offer.provider] ?? Int32(providers.count)
            providers[offer.provider] = provider
            var region: Int32 = -1
            if let name = offer.region {
                region = regions[name] ?? Int32(regions.count)
                regions[name] = region
            }
            traits.append(Traits(region: region, provider: provider, isolation: offer.isolation))
        }
        self.traits = traits
        self.regions = regions
        self.providers = providers
    }

    /// The number of a region; one that no offer has, if it is not on offer.
    func number(ofRegion region: String) -> Int32 { regions[region] ?? -2 }

    /// The number of a provider; `nil` if it offers nothing.
    func number(of provider: ProviderID) -> Int32? { providers[provider] }
}
