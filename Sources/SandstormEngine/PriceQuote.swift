package import SandstormCore
import SandstormRouting

/// What a sandbox would cost at one place.
package struct PriceQuote: Hashable, Sendable {
    package var offer: Offer
    /// `false` for what is known of a place that this gateway has no account at: nothing can be run there, and neither its isolation nor how
    /// long it takes to start is known.
    package var isConfigured: Bool
    /// For the whole duration, minimum and granularity applied; `nil` if there is no price, or if it can't be expressed.
    package var cost: Money?
    /// For the whole duration by the list alone.
    package var listCost: Money?
    /// For an hour by the list.
    package var hourlyCost: Money?
    package var freshness: PriceFreshness
    /// What else is to be known of the price.
    package var notes: [String]

    init(
        _ offer: Offer, for duration: Duration, isConfigured: Bool, isPriced: Bool = true, _ freshness: PriceFreshness, notes: [String] = []
    ) {
        self.offer = offer
        self.isConfigured = isConfigured
        self.freshness = freshness
        self.notes = notes
        guard isPriced else { return }
        cost = offer.price.cost(of: offer.resources, for: duration)
        listCost = offer.price.listCost(of: offer.resources, for: duration)
        hourlyCost = offer.price.listCost(of: offer.resources, for: .seconds(3600))
    }

    /// The account of what needs one first.
    package static let noAccount = "none"

    /// The quote in the form of the native API.
    package var json: JSONValue {
        guard case .object(var object) = offer.json else { return offer.json }
        if !isConfigured {
            object["isolation"] = nil
            object["startLatency"] = nil
            if cost == nil { object["price"] = nil }
        }
        object["configured"] = .bool(isConfigured)
        object["cost"] = cost.map { .string($0.decimal) }
        object["listCost"] = listCost.map { .string($0.decimal) }
        object["hourlyCost"] = hourlyCost.map { .string($0.decimal) }
        object["freshness"] = freshness.json
        if !notes.isEmpty { object["notes"] = .strings(notes) }
        return .object(object)
    }
}

extension Engine {
    /// What every offer that can take a sandbox like `spec` asks for `duration`, cheapest first.
    ///
    /// - Parameter scope: whether to tell also what the price book says of places that there is no account at.
    package func prices(of spec: SandboxSpec, for duration: Duration, scope: PriceScope = .market) -> [PriceQuote] {
        let own = allOffers(for: spec)
            .filter { spec.region == nil || $0.region == spec.region }
            .map { PriceQuote($0, for: duration, isConfigured: true, freshness(of: $0)) }
        return (own + (scope == .mine ? [] : market(for: spec, duration, scope))).sorted { left, right in
            switch (left.cost, right.cost) {
            case (let l?, let r?) where l != r: l < r
            case (_?, nil): true
            case (nil, _?): false
            default: (left.isConfigured ? 0 : 1, left.offer.id) < (right.isConfigured ? 0 : 1, right.offer.id)
            }
        }
    }

    /// How the sources of prices are; empty if none was asked yet.
    package var priceSources: [PriceSourceStatus] { livePrices?.statuses ?? [] }

    /// An offer's price is from the book if it is one of the book's, else the provider's own.
    private func freshness(of offer: Offer) -> PriceFreshness {
        for entry in livePrices?.book.sorted ?? [] where entry.id.provider == offer.provider {
            let price = try? entry.price(region: offer.region, gpu: offer.resources.gpu?.type)
            if let price, price.schedule == offer.price, let livePrices { return livePrices.freshness(of: entry.id, price) }
        }
        return PriceFreshness(origin: "provider", certainty: PriceCertainty.configured.rawValue)
    }

    private func market(for spec: SandboxSpec, _ duration: Duration, _ scope: PriceScope) -> [PriceQuote] {
        // Nothing is known of how well vendors isolate, beyond what everybody promises.
        guard let livePrices, spec.isolation == .standard else { return [] }
        let own = Set(providers.map(\.id))
        return livePrices.book.sorted.flatMap { entry -> [PriceQuote] in
            let isShown = entry.kind == .sandbox || entry.kind == .machine && entry.unpublished == nil || scope == .all
            guard isShown, !own.contains(entry.id.provider), let resources = entry.fit(spec.resources) else { return [] }
            // A region is worth a line if it has a price of its own.
            let dearer = entry.regions.filter { $0.value.value != .one }.keys.sorted()
            let regions = spec.region.map { entry.regions[$0] == nil ? [] : [$0] } ?? [nil] + dearer
            return regions.map { quote(of: entry, resources, in: $0, for: duration, livePrices) }
        }
    }

    private func quote(
        of entry: PriceEntry, _ resources: Resources, in region: String?, for duration: Duration, _ livePrices: LivePrices
    ) -> PriceQuote {
        let id = [entry.id.description, region].compactMap(\.self).joined(separator: "/")
        var offer = Offer(
            id: id, provider: entry.id.provider, account: PriceQuote.noAccount, region: region, resources: resources,
            isolation: .standard, price: .free, startLatency: .zero)
        do throws(PriceUnknown) {
            let price = try entry.price(region: region, gpu: resources.gpu?.type)
            offer.price = price.schedule
            return PriceQuote(
                offer, for: duration, isConfigured: false, livePrices.freshness(of: entry.id, price), notes: entry.notes)
        } catch {
            var freshness = livePrices.freshness(of: entry.id, nil)
            freshness.detail = error.description
            return PriceQuote(offer, for: duration, isConfigured: false, isPriced: false, freshness, notes: entry.notes)
        }
    }
}
