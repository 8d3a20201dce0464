/// One figure of a provider's own price list, as the provider tells it when it is asked.
public struct ProviderRate: Hashable, Sendable {
    /// What is priced.
    public enum Item: Hashable, Sendable {
        /// So many vCPUs together: 2 for a provider that sells physical cores.
        case vCPUs(Int)
        /// A GiB of memory.
        case memoryGiB
        /// A GiB of disk.
        case diskGiB
        /// One GPU of this type.
        case gpu(String)
    }

    /// The time that a price is for.
    public enum Period: String, Hashable, Sendable, CaseIterable {
        case second
        case hour
    }

    /// Which of the provider's products: `sandbox`, `function`.
    public var product: String
    /// What is priced.
    public var item: Item
    /// The price of the item for the period, in pico-dollars.
    public var amount: Rate
    /// The time that it is for.
    public var period: Period

    /// By default for a second of a sandbox.
    public init(product: String = "sandbox", _ item: Item, _ amount: Rate, per period: Period = .second) {
        self.product = product
        self.item = item
        self.amount = amount
        self.period = period
    }
}
