/// What the user demands of the place, rather than of the sandbox.
public struct Constraints: Hashable, Sendable {
    /// The most that the whole run may cost: a hard cap. The run is killed before it would cost more.
    public var maxCost: Money?
    /// The longest wait until the code starts.
    public var maxLatency: Duration?
    /// A region to be preferred; unlike the spec's, not demanded.
    public var preferredRegion: String?
    /// Providers to be tried first, in this order.
    public var preferredProviders: [ProviderID] = []
    /// Providers never to be used.
    public var excludeProviders: [ProviderID] = []
    /// What "best" means.
    public var objective: Objective = .balanced

    /// Demands nothing by default.
    public init(
        maxCost: Money? = nil, maxLatency: Duration? = nil, preferredRegion: String? = nil,
        preferredProviders: [ProviderID] = [], excludeProviders: [ProviderID] = [], objective: Objective = .balanced
    ) {
        self.maxCost = maxCost
        self.maxLatency = maxLatency
        self.preferredRegion = preferredRegion
        self.preferredProviders = preferredProviders
        self.excludeProviders = excludeProviders
        self.objective = objective
    }

    /// What is to be as small as possible.
    public enum Objective: String, CaseIterable, Hashable, Sendable {
        case cheapest, fastest, balanced
    }
}

extension Constraints {
    /// Reads constraints in the form of the native API.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    public init(json: JSONValue, at pointer: String = "") throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        maxCost = reader.read("maxCost", "is not an amount", remedy: "send US dollars such as \"0.10\", at most nine decimals") { value in
            switch value {
            case .string(let text), .number(let text): Money(text).flatMap { $0 >= .zero ? $0 : nil }
            default: nil
            }
        }
        maxLatency = reader.integer("maxLatency", in: 1...86_400_000, unit: "milliseconds").map { .milliseconds($0) }
        preferredRegion = reader.string("preferredRegion")
        preferredProviders = (reader.strings("preferredProviders") ?? []).map { ProviderID($0) }
        excludeProviders = (reader.strings("excludeProviders") ?? []).map { ProviderID($0) }
        objective =
            reader.read("objective", "is not an objective", remedy: "use cheapest, fastest or balanced") { value in
                value.stringValue.flatMap(Objective.init)
            } ?? .balanced
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    /// The constraints in the form of the native API, without what equals the default.
    public var json: JSONValue {
        var object = JSONObject()
        object["maxCost"] = maxCost.map { .string($0.decimal) }
        object["maxLatency"] = maxLatency.map { .integer($0.wholeMilliseconds) }
        object["preferredRegion"] = preferredRegion.map(JSONValue.string)
        if !preferredProviders.isEmpty { object["preferredProviders"] = .strings(preferredProviders.map(\.rawValue)) }
        if !excludeProviders.isEmpty { object["excludeProviders"] = .strings(excludeProviders.map(\.rawValue)) }
        if objective != .balanced { object["objective"] = .string(objective.rawValue) }
        return .object(object)
    }
}
