public import SandstormCore

/// What a sandbox would cost at one place.
public struct PriceInfo: Hashable, Sendable {
    /// The priced way to have the sandbox.
    public var offer: Offer
    /// `false` for a place that there is no account at: nothing can be run there, and the offer's isolation and start latency say nothing.
    public var isConfigured: Bool
    /// For the whole time that was asked about, minimum and granularity applied; `nil` if there is no price, or if the amount can't be
    /// expressed.
    public var cost: Money?
    /// For the whole time by the list alone.
    public var listCost: Money?
    /// For an hour by the list.
    public var hourlyCost: Money?
    /// How old the price is, where it is from, and how far it can be believed.
    public var freshness: PriceFreshness
    /// What else is to be known of the price.
    public var notes: [String]
    /// The form of the native API.
    public var json: JSONValue

    /// Reads a price in the form of the native API.
    init(json: JSONValue) {
        func money(_ key: String) -> Money? { json[key]?.stringValue.flatMap { Money($0) } }
        offer = Offer(json: json)
        isConfigured = json["configured"]?.boolValue ?? true
        cost = money("cost")
        listCost = money("listCost")
        hourlyCost = money("hourlyCost")
        freshness = PriceFreshness(json: json["freshness"] ?? [:])
        notes = (json["notes"]?.arrayValue ?? []).compactMap(\.stringValue)
        self.json = json
    }
}
