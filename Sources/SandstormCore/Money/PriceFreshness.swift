/// How old a price is, where it is from, and how far it can be believed.
public struct PriceFreshness: Hashable, Sendable {
    /// Something that a figure of the price is from.
    public struct Source: Hashable, Sendable {
        /// In words, with the page or the file.
        public var text: String
        /// When that was read, or how it is dated: `2026-08-06`, `2026-08`, `2026`, or an instant.
        public var read: String?
        /// How far it can be believed: `configured`, `observed`, `published`, `uncertain`.
        public var certainty: String

        /// A source without a date is as old as its being used.
        public init(text: String, read: String? = nil, certainty: String) {
            self.text = text
            self.read = read
            self.certainty = certainty
        }
    }

    /// Who said it: `shipped` with this version, a `feed`, the provider's own `rates`, the `configuration`, or the `provider` that makes
    /// the offer.
    public var origin: String
    /// The least sure of its figures: `configured`, `observed`, `published`, `uncertain`.
    public var certainty: String
    /// The age of its oldest figure; `nil` where a price has none, as that of a provider that names it with each offer.
    public var age: Duration?
    /// Those of the amounts, the least sure first, then those of how time is rounded.
    public var sources: [Source]
    /// It is not sure in what steps time is billed; what is paid may differ from the price by seconds.
    public var isRoundingUncertain: Bool
    /// Whoever said it said also until when it holds, and that is over.
    public var isStale: Bool
    /// Why it could not be refreshed, or is not known at all.
    public var detail: String?

    /// Fresh, from nowhere in particular.
    public init(
        origin: String, certainty: String, age: Duration? = nil, sources: [Source] = [], isRoundingUncertain: Bool = false,
        isStale: Bool = false, detail: String? = nil
    ) {
        self.origin = origin
        self.certainty = certainty
        self.age = age
        self.sources = sources
        self.isRoundingUncertain = isRoundingUncertain
        self.isStale = isStale
        self.detail = detail
    }

    /// The form of the native API.
    public var json: JSONValue {
        var object: JSONObject = ["origin": .string(origin), "certainty": .string(certainty)]
        object["age"] = age.map { .integer($0.wholeMilliseconds) }
        object["sources"] = .array(
            sources.map { source in
                var object: JSONObject = ["text": .string(source.text), "certainty": .string(source.certainty)]
                object["read"] = source.read.map(JSONValue.string)
                return .object(object)
            })
        if isRoundingUncertain { object["roundingUncertain"] = true }
        object["stale"] = .bool(isStale)
        object["detail"] = detail.map(JSONValue.string)
        return .object(object)
    }

    /// Reads what ``json`` wrote; what is missing takes a default.
    public init(json: JSONValue) {
        self.init(
            origin: json["origin"]?.stringValue ?? "provider", certainty: json["certainty"]?.stringValue ?? "uncertain",
            age: json["age"]?.intValue.map { .milliseconds($0) },
            sources: (json["sources"]?.arrayValue ?? []).map { source in
                Source(
                    text: source["text"]?.stringValue ?? "", read: source["read"]?.stringValue,
                    certainty: source["certainty"]?.stringValue ?? "uncertain")
            },
            isRoundingUncertain: json["roundingUncertain"]?.boolValue ?? false, isStale: json["stale"]?.boolValue ?? false,
            detail: json["detail"]?.stringValue)
    }
}

/// Whose prices are asked for.
public enum PriceScope: String, Hashable, Sendable, CaseIterable {
    /// Those of the places that this gateway has an account at.
    case mine
    /// Also what sandboxes cost elsewhere, as far as that is known without an account.
    case market
    /// Also products that are no sandboxes, and machines of one's own that nobody has put a price on yet.
    case all
}
