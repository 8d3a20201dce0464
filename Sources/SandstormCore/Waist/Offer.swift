/// One priced way to run a spec: account × region × machine class × price schedule.
public struct Offer: Hashable, Sendable {
    /// Unique among the offers of its provider, and stable: `local/standard`.
    public var id: String
    /// Who makes the offer.
    public var provider: ProviderID
    /// The credentials that would be used, by the operator's name for them.
    public var account: String
    /// Where the sandbox would be; `nil` if the place has no notion of a region.
    public var region: String?
    /// What the sandbox would really get, which may be more than was asked for.
    public var resources: Resources
    /// What the sandbox would really get, which may be stronger than was asked for.
    public var isolation: IsolationLevel
    /// What costs are predicted and billed by.
    public var price: PriceSchedule
    /// What is expected from the call until the code starts, before anything was learned.
    public var startLatency: Duration

    /// By default on the account `default`, in no region.
    public init(
        id: String, provider: ProviderID, account: String = "default", region: String? = nil, resources: Resources,
        isolation: IsolationLevel, price: PriceSchedule, startLatency: Duration
    ) {
        self.id = id
        self.provider = provider
        self.account = account
        self.region = region
        self.resources = resources
        self.isolation = isolation
        self.price = price
        self.startLatency = startLatency
    }
}
