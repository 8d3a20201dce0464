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

    init(_ providers: [ProviderOffers], place: (Offer) -> Int) {
        offers = providers.flatMap(\.offers)
        teardownTimes = providers.flatMap { provider in provider.offers.map { _ in provider.teardownTime } }
        refusals = providers.filter(\.offers.isEmpty).map {
            Decision.Refusal(provider: $0.provider, reason: $0.refusal ?? "no offer for this spec")
        }
        places = offers.map(place)
    }
}
