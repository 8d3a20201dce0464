package import SandstormCore

/// What a sandbox would cost on one offer.
package struct PriceQuote: Hashable, Sendable {
    package var offer: Offer
    /// For the whole duration, minimum and granularity applied; `nil` if the amount can't be expressed.
    package var cost: Money?

    package init(offer: Offer, cost: Money?) {
        self.offer = offer
        self.cost = cost
    }

    /// The quote in the form of the native API.
    package var json: JSONValue {
        guard case .object(var object) = offer.json else { return offer.json }
        object["cost"] = cost.map { .string($0.decimal) }
        return .object(object)
    }
}

extension Engine {
    /// What every offer that can take a sandbox like `spec` asks for `duration`, cheapest first.
    package func prices(of spec: SandboxSpec, for duration: Duration) -> [PriceQuote] {
        allOffers(for: spec)
            .map { PriceQuote(offer: $0, cost: $0.price.cost(of: $0.resources, for: duration)) }
            .sorted { left, right in
                switch (left.cost, right.cost) {
                case (let l?, let r?): l == r ? left.offer.id < right.offer.id : l < r
                case (_?, nil): true
                case (nil, _): false
                }
            }
    }
}
