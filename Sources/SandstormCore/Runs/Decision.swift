/// The ranked offers for a spec, with the reason why each was kept or dropped.
public struct Decision: Hashable, Sendable {
    /// Every offer that was looked at: the kept ones first, best first; then the dropped ones.
    public var candidates: [Candidate]
    /// Providers that made no offer, and why.
    public var refusals: [Refusal]
    /// What "best" meant.
    public var objective: Constraints.Objective
    /// The rule that had a say beside the objective, in words for a user; `nil` if none had.
    public var rule: String?
    /// Where a second sandbox is asked for if the first place is late; `nil` if nowhere.
    public var hedge: Hedge?

    /// Takes the candidates in their final order; nothing is sorted here.
    public init(candidates: [Candidate], refusals: [Refusal], objective: Constraints.Objective) {
        self.candidates = candidates
        self.refusals = refusals
        self.objective = objective
    }

    /// One offer as routing saw it.
    public struct Candidate: Hashable, Sendable {
        /// The offer that was judged; the predictions rest on its price and start latency.
        public var offer: Offer
        /// Kept in the ranking.
        public var isKept: Bool
        /// Why it was kept or dropped, in words for a user.
        public var reason: String
        /// What the run is expected to cost.
        public var predictedCost: Money
        /// What the run costs if it uses its whole timeout.
        public var worstCost: Money
        /// How long until the code starts.
        public var predictedLatency: Duration
        /// How long the sandbox may live so that `maxCost` holds; `nil` without such a bound.
        public var costDeadline: Duration?
        /// What the whole run is expected to cost if it begins here, the chance of failure and of another try elsewhere included; `nil` for
        /// a dropped one.
        public var expectedCost: Money?
        /// How late the code may start here, as the objective sees it: the quantile of the time to start that it goes by; `nil` for a
        /// dropped one.
        public var judgedLatency: Duration?
        /// The chance that the code does not start here, in millionths; `nil` for a dropped one.
        public var failurePPM: Int?
        /// What the ranking goes by; less is better, and comparable within this decision only. `nil` for a dropped one.
        public var score: Int64?

        /// Takes a judgement as made; `costDeadline` is `nil` where no cost bounds the sandbox's life.
        public init(
            offer: Offer, isKept: Bool, reason: String, predictedCost: Money, worstCost: Money, predictedLatency: Duration,
            costDeadline: Duration?
        ) {
            self.offer = offer
            self.isKept = isKept
            self.reason = reason
            self.predictedCost = predictedCost
            self.worstCost = worstCost
            self.predictedLatency = predictedLatency
            self.costDeadline = costDeadline
        }
    }

    /// A second sandbox, for when the first is late.
    public struct Hedge: Hashable, Sendable {
        /// The offer's id.
        public var offer: String
        /// How long after the first was asked for.
        public var delay: Duration
        /// It is asked for to learn of its place, and not because the first is late.
        public var explores: Bool

        /// Names an offer among the kept ones.
        public init(offer: String, delay: Duration, explores: Bool = false) {
            self.offer = offer
            self.delay = delay
            self.explores = explores
        }
    }

    /// A provider without an offer.
    public struct Refusal: Hashable, Sendable {
        /// Who made no offer.
        public var provider: ProviderID
        /// Why there was none, in words for a user.
        public var reason: String

        /// Takes a `reason` that users will see.
        public init(provider: ProviderID, reason: String) {
            self.provider = provider
            self.reason = reason
        }
    }

    /// The kept candidates, best first.
    public var ranking: [Candidate] { candidates.filter(\.isKept) }

    /// Why there is no kept candidate, in one sentence for a user.
    public var explanationOfNone: String {
        let reasons = refusals.map { "\($0.provider): \($0.reason)" } + candidates.map { "\($0.offer.id): \($0.reason)" }
        return reasons.isEmpty ? "no provider is configured" : reasons.joined(separator: "; ")
    }
}

extension Decision {
    /// The decision in the form of the native API.
    public var json: JSONValue {
        var object: JSONObject = [
            "objective": .string(objective.rawValue),
            "candidates": .array(candidates.map(\.json)),
            "refusals": .array(refusals.map { ["provider": .string($0.provider.rawValue), "reason": .string($0.reason)] }),
        ]
        object["rule"] = rule.map(JSONValue.string)
        object["hedge"] = hedge?.json
        return .object(object)
    }

    /// Reads a decision in the form of the native API; what is unknown is passed over, what is missing takes a default.
    public init(json: JSONValue) {
        self.init(
            candidates: (json["candidates"]?.arrayValue ?? []).map(Candidate.init),
            refusals: (json["refusals"]?.arrayValue ?? []).map {
                Refusal(provider: ProviderID($0["provider"]?.stringValue ?? ""), reason: $0["reason"]?.stringValue ?? "")
            },
            objective: json["objective"]?.stringValue.flatMap(Constraints.Objective.init) ?? .balanced)
        rule = json["rule"]?.stringValue
        if let hedge = json["hedge"], let offer = hedge["offer"]?.stringValue {
            self.hedge = Hedge(
                offer: offer, delay: .milliseconds(hedge["delay"]?.intValue ?? 0), explores: hedge["explores"]?.boolValue ?? false)
        }
    }
}

extension Decision.Hedge {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["offer": .string(offer), "delay": .integer(delay.wholeMilliseconds)]
        if explores { object["explores"] = true }
        return .object(object)
    }
}

extension Decision.Candidate {
    var json: JSONValue {
        var object: JSONObject = ["offer": offer.json, "kept": .bool(isKept), "reason": .string(reason)]
        object["predictedCost"] = .string(predictedCost.decimal)
        object["worstCost"] = .string(worstCost.decimal)
        object["predictedLatency"] = .integer(predictedLatency.wholeMilliseconds)
        object["costDeadline"] = costDeadline.map { .integer($0.wholeMilliseconds) }
        object["expectedCost"] = expectedCost.map { .string($0.decimal) }
        object["judgedLatency"] = judgedLatency.map { .integer($0.wholeMilliseconds) }
        object["failurePpm"] = failurePPM.map { .integer($0) }
        object["score"] = score.map { .integer($0) }
        return .object(object)
    }

    init(json: JSONValue) {
        func money(_ key: String) -> Money { json[key]?.stringValue.flatMap { Money($0) } ?? .zero }
        self.init(
            offer: Offer(json: json["offer"] ?? [:]), isKept: json["kept"]?.boolValue ?? false,
            reason: json["reason"]?.stringValue ?? "", predictedCost: money("predictedCost"), worstCost: money("worstCost"),
            predictedLatency: .milliseconds(json["predictedLatency"]?.intValue ?? 0),
            costDeadline: json["costDeadline"]?.intValue.map { .milliseconds($0) })
        expectedCost = json["expectedCost"]?.stringValue.flatMap { Money($0) }
        judgedLatency = json["judgedLatency"]?.intValue.map { .milliseconds($0) }
        failurePPM = json["failurePpm"]?.intValue
        score = json["score"]?.intValue.map { Int64($0) }
    }
}
