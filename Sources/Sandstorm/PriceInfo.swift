public import SandstormCore

/// What a sandbox would cost at one place.
public struct PriceInfo: Hashable, Sendable {
    /// The priced way to have the sandbox.
    public var offer: Offer
    /// For the whole time that was asked about, minimum and granularity applied; `nil` if the amount can't be expressed.
    public var cost: Money?

    /// The form of the native API.
    public var json: JSONValue {
        guard case .object(var object) = offer.json else { return offer.json }
        object["cost"] = cost.map { .string($0.decimal) }
        return .object(object)
    }

    init(offer: Offer, cost: Money?) {
        self.offer = offer
        self.cost = cost
    }

    /// Reads a price in the form of the native API.
    init(json: JSONValue) {
        self.init(offer: Offer(json: json), cost: json["cost"]?.stringValue.flatMap { Money($0) })
    }
}
