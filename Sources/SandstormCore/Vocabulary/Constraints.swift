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
    /// What "best" means, in numbers; stands instead of ``objective``.
    public var weights: Weights?
    /// Which places may serve and which come first; stands instead of the project's rule.
    public var routing: RoutingRule?
    /// What runs that belong together share, for rules that keep them together.
    public var sessionKey: String?
    /// Sandstorm may now and then send the run to a place about which it knows too little, to learn of it.
    public var explore = true

    /// Demands nothing by default.
    public init(
        maxCost: Money? = nil, maxLatency: Duration? = nil, preferredRegion: String? = nil,
        preferredProviders: [ProviderID] = [], excludeProviders: [ProviderID] = [], objective: Objective = .balanced,
        weights: Weights? = nil, routing: RoutingRule? = nil, sessionKey: String? = nil, explore: Bool = true
    ) {
        self.maxCost = maxCost
        self.maxLatency = maxLatency
        self.preferredRegion = preferredRegion
        self.preferredProviders = preferredProviders
        self.excludeProviders = excludeProviders
        self.objective = objective
        self.weights = weights
        self.routing = routing
        self.sessionKey = sessionKey
        self.explore = explore
    }

    /// What is to be as small as possible.
    public enum Objective: String, CaseIterable, Hashable, Sendable {
        case cheapest, fastest, balanced
    }

    /// How much cost and latency count against each other: 0 to 100 each, not both 0.
    public struct Weights: Hashable, Sendable {
        /// How much cost counts.
        public let cost: Int
        /// How much latency counts.
        public let latency: Int

        /// `nil` if a weight is out of range, or both are 0.
        public init?(cost: Int, latency: Int) {
            guard (0...100).contains(cost), (0...100).contains(latency), cost + latency > 0 else { return nil }
            self.cost = cost
            self.latency = latency
        }
    }

    /// The longest ``sessionKey``, in bytes of UTF-8.
    public static let longestSessionKey = 256
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
        if let value = reader.value("weights") {
            if reader.value("objective") != nil {
                reader.report("weights", "can't stand beside an objective", remedy: "leave out one of them")
            }
            var nested = JSONReader(value, at: "\(pointer)/weights")
            let cost = nested.integer("cost", in: 0...100, unit: "parts") ?? 0
            let latency = nested.integer("latency", in: 0...100, unit: "parts") ?? 0
            weights = Weights(cost: cost, latency: latency)
            if nested.finish().isEmpty, weights == nil {
                nested.report(at: nested.pointer, "weigh nothing", remedy: "give cost or latency a weight above 0")
            }
            reader.merge(nested.problems)
        }
        if let value = reader.value("routing") {
            do throws(InvalidRequest) {
                routing = try RoutingRule(json: value, at: "\(pointer)/routing")
            } catch {
                reader.merge(error.problems)
            }
        }
        let remedy = "send 1 to \(Constraints.longestSessionKey) bytes of text"
        sessionKey = reader.read("sessionKey", "is not a session key", remedy: remedy) { value in
            value.stringValue.flatMap { (1...Constraints.longestSessionKey).contains($0.utf8.count) ? $0 : nil }
        }
        explore = reader.bool("explore") ?? true
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
        if let weights {
            object["weights"] = ["cost": .integer(weights.cost), "latency": .integer(weights.latency)]
        } else if objective != .balanced {
            object["objective"] = .string(objective.rawValue)
        }
        object["routing"] = routing?.json
        object["sessionKey"] = sessionKey.map(JSONValue.string)
        if !explore { object["explore"] = false }
        return .object(object)
    }
}
