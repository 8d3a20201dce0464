/// Which places may serve, and which come first, before cost and latency decide among equals.
///
/// A rule stands for a whole project or for one run. It never lets in what a hard constraint forbids.
public indirect enum RoutingRule: Hashable, Sendable {
    /// Only what the target names.
    case pinned(Target)
    /// The first target that can serve, in this order; then what no target names if `others`, else nothing.
    case fallback([Target], others: Bool)
    /// Each run goes first to one of the shares, by chance in proportion to their weights; runs of one session to the same. If that can't
    /// serve, to another share; then to what no share names if `others`, else nowhere.
    case split([Share], others: Bool)
    /// So many ten-thousandths of the runs (or sessions) try the target first; the rest try it last.
    case canary(Target, basisPoints: Int)
    /// Runs of one session go to the same place while it can serve. Does nothing for a run without a session key.
    case sticky(by: Place)
    /// The first region that can serve, in this order; then any other if `others`, else none.
    case regions([String], others: Bool)
    /// Nothing that a target names.
    case excluded([Target])
    /// The rule of the first window that the time lies in; outside of all, `otherwise`. The offset is that of the local time from UTC, in
    /// minutes.
    case schedule([Window], offset: Int, otherwise: RoutingRule?)
    /// All of them: what one drops is dropped, and an earlier rule's order comes before a later one's.
    case all([RoutingRule])

    /// Some of the offers: those that equal it in all that it names.
    public struct Target: Hashable, Sendable {
        /// A provider's name; `nil` for any.
        public var provider: ProviderID?
        /// An account, by the operator's name for the credentials; `nil` for any.
        public var account: String?
        /// A region; `nil` for any.
        public var region: String?
        /// An offer's id; `nil` for any.
        public var offer: String?

        /// Names everything by default.
        public init(provider: ProviderID? = nil, account: String? = nil, region: String? = nil, offer: String? = nil) {
            self.provider = provider
            self.account = account
            self.region = region
            self.offer = offer
        }

        /// Whether the offer is one of those named.
        public func matches(_ offer: Offer) -> Bool {
            (provider.map { $0 == offer.provider } ?? true) && (account.map { $0 == offer.account } ?? true)
                && (region.map { $0 == offer.region } ?? true) && (self.offer.map { $0 == offer.id } ?? true)
        }
    }

    /// A part of a split.
    public struct Share: Hashable, Sendable {
        /// Who gets it.
        public var target: Target
        /// In proportion to the other shares' weights; positive, or 0 for a share that serves only when the others can't.
        public var weight: Int

        /// Takes a weight from 0 to 1,000,000.
        public init(_ target: Target, weight: Int) {
            self.target = target
            self.weight = weight
        }
    }

    /// What a session stays with.
    public enum Place: String, CaseIterable, Hashable, Sendable {
        /// One provider, whichever account, region and machine.
        case provider
        /// One account in one region, whichever machine.
        case account
        /// One offer.
        case offer
    }

    /// A day of the week.
    public enum Weekday: String, CaseIterable, Hashable, Sendable {
        case mon, tue, wed, thu, fri, sat, sun
    }

    /// Hours of some days, and what applies in them.
    public struct Window: Hashable, Sendable {
        /// The days on which it begins.
        public var days: Set<Weekday>
        /// The minute of the day at which it begins: 0 to 1439.
        public var from: Int
        /// The minute at which it ends, up to 1440; on the next day unless it is later than `from`.
        public var to: Int
        /// What applies in it.
        public var rule: RoutingRule

        /// Every day, all day by default.
        public init(days: Set<Weekday> = Set(Weekday.allCases), from: Int = 0, to: Int = 1440, rule: RoutingRule) {
            self.days = days
            self.from = from
            self.to = to
            self.rule = rule
        }
    }

    /// The most members of a list in a rule.
    public static let longestList = 64
    /// How deep rules may stand in rules.
    public static let deepestNesting = 8
}

extension RoutingRule.Target: CustomStringConvertible {
    /// In words for a user: `e2b in eu-west`.
    public var description: String {
        var words: [String] = []
        if let offer { words.append(offer) }
        if let provider { words.append(offer == nil ? provider.rawValue : "of \(provider)") }
        if let account { words.append("account \(account)") }
        if let region { words.append("in \(region)") }
        return words.isEmpty ? "any place" : words.joined(separator: " ")
    }
}
