extension RoutingRule {
    /// Reads a rule in the form of the native API: `{"type": "pinned", "to": "e2b"}`.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    public init(json: JSONValue, at pointer: String = "") throws(InvalidRequest) {
        var problems: [FieldProblem] = []
        guard let rule = RoutingRule(json, at: pointer, depth: 1, &problems), problems.isEmpty else {
            throw InvalidRequest(problems: problems)
        }
        self = rule
    }

    /// The names of the kinds of rules, as in `type`.
    public static let types = ["pinned", "fallback", "split", "canary", "sticky", "regions", "excluded", "schedule", "all"]

    /// `nil` only with at least one new problem.
    private init?(_ json: JSONValue, at pointer: String, depth: Int, _ problems: inout [FieldProblem]) {
        var reader = JSONReader(json, at: pointer)
        defer { problems += reader.finish() }
        guard json.objectValue != nil else { return nil }
        guard depth <= RoutingRule.deepestNesting else {
            // What is below is not looked at: its members are no unknown ones.
            for member in json.objectValue?.members ?? [] { _ = reader.value(member.key) }
            reader.report(
                at: pointer, "is nested too deep", remedy: "put at most \(RoutingRule.deepestNesting) rules inside each other")
            return nil
        }
        let remedy = "use one of \(RoutingRule.types.joined(separator: ", "))"
        guard let type = reader.required("type", remedy: remedy)?.stringValue, RoutingRule.types.contains(type) else {
            if reader.problems.isEmpty { reader.report("type", "is not a kind of rule", remedy: remedy) }
            for member in json.objectValue?.members ?? [] { _ = reader.value(member.key) }
            return nil
        }
        switch type {
        case "pinned":
            guard let target = reader.target("to") else { return nil }
            self = .pinned(target)
        case "fallback":
            let others = reader.bool("others") ?? false
            guard let targets = reader.list("order", of: "targets", Target.init) else { return nil }
            self = .fallback(targets, others: others)
        case "split":
            let others = reader.bool("others") ?? false
            guard let shares = reader.list("shares", of: "shares", Share.init) else { return nil }
            guard shares.contains(where: { $0.weight > 0 }) else {
                reader.report("shares", "have no weight", remedy: "give at least one of them a weight above 0")
                return nil
            }
            self = .split(shares, others: others)
        case "canary":
            let target = reader.target("to")
            guard let percent = reader.required("percent", remedy: RoutingRule.percentRemedy) else { return nil }
            guard let basisPoints = RoutingRule.basisPoints(percent) else {
                reader.report("percent", "is not a percentage", remedy: RoutingRule.percentRemedy)
                return nil
            }
            guard let target else { return nil }
            self = .canary(target, basisPoints: basisPoints)
        case "sticky":
            let remedy = "use \(Place.allCases.map(\.rawValue).joined(separator: ", "))"
            let place = reader.read("by", "is not something to stay with", remedy: remedy) { $0.stringValue.flatMap(Place.init) }
            self = .sticky(by: place ?? .account)
        case "regions":
            let others = reader.bool("others") ?? true
            let regions = reader.list("order", of: "regions") { json, pointer, problems -> String? in
                if let region = json.stringValue, !region.isEmpty { return region }
                problems.append(FieldProblem(pointer: pointer, detail: "is not a region", remedy: "send its name in quotes"))
                return nil
            }
            guard let regions else { return nil }
            self = .regions(regions, others: others)
        case "excluded":
            guard let targets = reader.list("targets", of: "targets", Target.init) else { return nil }
            self = .excluded(targets)
        case "schedule":
            let offset = reader.read("utcOffset", "is not an offset", remedy: "send hours and minutes such as \"+02:00\"") { value in
                value.stringValue.flatMap(RoutingRule.minutes(ofOffset:))
            }
            var nested: [FieldProblem] = []
            let otherwise = reader.value("otherwise").flatMap { json in
                RoutingRule(json, at: "\(pointer)/otherwise", depth: depth + 1, &nested)
            }
            reader.merge(nested)
            let windows = reader.list("windows", of: "windows") { json, pointer, problems in
                Window(json, at: pointer, depth: depth, &problems)
            }
            guard let windows else { return nil }
            self = .schedule(windows, offset: offset ?? 0, otherwise: otherwise)
        default:
            let rules = reader.list("rules", of: "rules") { json, pointer, problems in
                RoutingRule(json, at: pointer, depth: depth + 1, &problems)
            }
            guard let rules else { return nil }
            self = .all(rules)
        }
    }

    /// The rule in the form of the native API, without what equals the default.
    public var json: JSONValue {
        switch self {
        case .pinned(let target): return ["type": "pinned", "to": target.json]
        case .fallback(let targets, let others):
            var object: JSONObject = ["type": "fallback", "order": .array(targets.map(\.json))]
            if others { object["others"] = true }
            return .object(object)
        case .split(let shares, let others):
            var object: JSONObject = ["type": "split", "shares": .array(shares.map(\.json))]
            if others { object["others"] = true }
            return .object(object)
        case .canary(let target, let basisPoints):
            var percent = "\(basisPoints / 100)"
            if basisPoints % 100 != 0 { percent += ".\(basisPoints % 100 / 10)" }
            if basisPoints % 10 != 0 { percent += "\(basisPoints % 10)" }
            return ["type": "canary", "to": target.json, "percent": .number(percent)]
        case .sticky(let place): return ["type": "sticky", "by": .string(place.rawValue)]
        case .regions(let regions, let others):
            var object: JSONObject = ["type": "regions", "order": .strings(regions)]
            if !others { object["others"] = false }
            return .object(object)
        case .excluded(let targets): return ["type": "excluded", "targets": .array(targets.map(\.json))]
        case .schedule(let windows, let offset, let otherwise):
            var object: JSONObject = ["type": "schedule", "windows": .array(windows.map(\.json))]
            if offset != 0 { object["utcOffset"] = .string((offset < 0 ? "-" : "+") + RoutingRule.clock(abs(offset))) }
            object["otherwise"] = otherwise?.json
            return .object(object)
        case .all(let rules): return ["type": "all", "rules": .array(rules.map(\.json))]
        }
    }

    // MARK: Small forms

    private static let percentRemedy = "send a number from 0 to 100 with at most two decimals"

    /// A percentage in hundredths of a percent; exact, so a fraction that is finer is none.
    private static func basisPoints(_ value: JSONValue) -> Int? {
        guard case .number(let literal) = value else { return nil }
        let parts = literal.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = Int(parts[0]), (0...100).contains(whole), !literal.hasPrefix("-") else { return nil }
        guard parts.count == 2 else { return whole * 100 }
        let digits = parts[1]
        guard (1...2).contains(digits.count), digits.allSatisfy(\.isNumber), let fraction = Int(digits) else { return nil }
        let result = whole * 100 + (digits.count == 1 ? fraction * 10 : fraction)
        return result <= 10_000 ? result : nil
    }

    /// `22:30` as a minute of the day.
    fileprivate static func minute(_ text: some StringProtocol) -> Int? {
        let bytes = Array(text.utf8)
        guard bytes.count == 5, bytes[2] == UInt8(ascii: ":") else { return nil }
        let digits = [bytes[0], bytes[1], bytes[3], bytes[4]].map { Int($0) - 48 }
        guard digits.allSatisfy({ (0...9).contains($0) }) else { return nil }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[2] * 10 + digits[3])
        guard minutes < 60, hours * 60 + minutes <= 1440 else { return nil }
        return hours * 60 + minutes
    }

    fileprivate static func clock(_ minute: Int) -> String {
        "\(String(minute / 60 + 100).dropFirst()):\(String(minute % 60 + 100).dropFirst())"
    }

    /// The farthest that local times are from UTC, in minutes.
    private static let farthestOffset = 14 * 60

    private static func minutes(ofOffset text: String) -> Int? {
        if text == "Z" { return 0 }
        guard let sign = text.first, sign == "+" || sign == "-", let minutes = minute(text.dropFirst()), minutes <= farthestOffset else {
            return nil
        }
        return sign == "-" ? -minutes : minutes
    }
}

extension RoutingRule.Target {
    /// Text with a slash is an offer's id (`local/standard`), other text a provider; an object may name more.
    fileprivate init?(_ json: JSONValue, at pointer: String, _ problems: inout [FieldProblem]) {
        self.init()
        if let text = json.stringValue, !text.isEmpty {
            if text.contains("/") { offer = text } else { provider = ProviderID(text) }
            return
        }
        let remedy = "send a provider's name, an offer's id, or an object with provider, account, region or offer"
        guard json.objectValue != nil else {
            problems.append(FieldProblem(pointer: pointer, detail: "is not a target", remedy: remedy))
            return nil
        }
        var reader = JSONReader(json, at: pointer)
        provider = reader.name("provider").map { ProviderID($0) }
        account = reader.name("account")
        region = reader.name("region")
        offer = reader.name("offer")
        let wrong = reader.finish()
        problems += wrong
        guard wrong.isEmpty else { return nil }
        guard self != RoutingRule.Target() else {
            problems.append(FieldProblem(pointer: pointer, detail: "names nothing", remedy: remedy))
            return nil
        }
    }

    /// In its shortest form.
    var json: JSONValue {
        if account == nil, region == nil {
            if let provider, offer == nil, !provider.rawValue.isEmpty, !provider.rawValue.contains("/") {
                return .string(provider.rawValue)
            }
            if let offer, provider == nil, offer.contains("/") { return .string(offer) }
        }
        var object = JSONObject()
        object["provider"] = provider.map { .string($0.rawValue) }
        object["account"] = account.map(JSONValue.string)
        object["region"] = region.map(JSONValue.string)
        object["offer"] = offer.map(JSONValue.string)
        return .object(object)
    }
}

extension RoutingRule.Share {
    fileprivate init?(_ json: JSONValue, at pointer: String, _ problems: inout [FieldProblem]) {
        var reader = JSONReader(json, at: pointer)
        let target = reader.target("to")
        let isMissing = reader.value("weight") == nil
        let weight = reader.integer("weight", in: 0...1_000_000, unit: "parts")
        if isMissing { reader.report("weight", "is missing", remedy: "send a whole number of parts from 0 to 1000000") }
        problems += reader.finish()
        guard let target, let weight else { return nil }
        self.init(target, weight: weight)
    }

    var json: JSONValue { ["to": target.json, "weight": .integer(weight)] }
}

extension RoutingRule.Window {
    fileprivate init?(_ json: JSONValue, at pointer: String, depth: Int, _ problems: inout [FieldProblem]) {
        var reader = JSONReader(json, at: pointer)
        let names = RoutingRule.Weekday.allCases.map(\.rawValue).joined(separator: ", ")
        var days: Set<RoutingRule.Weekday> = []
        if let list = reader.strings("days") {
            if list.isEmpty { reader.report("days", "is empty", remedy: "name at least one day, or leave it out for all") }
            for (index, name) in list.enumerated() {
                if let day = RoutingRule.Weekday(rawValue: name) {
                    days.insert(day)
                } else {
                    reader.report("days/\(index)", "is not a day", remedy: "use \(names)")
                }
            }
        }
        if days.isEmpty { days = Set(RoutingRule.Weekday.allCases) }
        let remedy = "send hours and minutes such as \"22:30\""
        let from = reader.read("from", "is not a time of day", remedy: remedy) { json in
            json.stringValue.flatMap(RoutingRule.minute).flatMap { $0 < 1440 ? $0 : nil }
        }
        let to = reader.read("to", "is not a time of day", remedy: remedy) { $0.stringValue.flatMap(RoutingRule.minute) }
        var nested: [FieldProblem] = []
        let rule = reader.required("rule", remedy: "send the rule that applies in the window").flatMap { json in
            RoutingRule(json, at: "\(pointer)/rule", depth: depth + 1, &nested)
        }
        reader.merge(nested)
        problems += reader.finish()
        guard let rule, reader.problems.isEmpty else { return nil }
        self.init(days: days, from: from ?? 0, to: to ?? 1440, rule: rule)
    }

    var json: JSONValue {
        var object = JSONObject()
        if days.count < 7 { object["days"] = .strings(RoutingRule.Weekday.allCases.filter(days.contains).map(\.rawValue)) }
        if from != 0 { object["from"] = .string(RoutingRule.clock(from)) }
        if to != 1440 { object["to"] = .string(RoutingRule.clock(to)) }
        object["rule"] = rule.json
        return .object(object)
    }
}

extension JSONReader {
    /// A member that must be there.
    fileprivate mutating func required(_ key: String, remedy: String) -> JSONValue? {
        let value = value(key)
        if value == nil { report(key, "is missing", remedy: remedy) }
        return value
    }

    fileprivate mutating func name(_ key: String) -> String? {
        read(key, "is not a name", remedy: "send it in quotes") { $0.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
    }

    fileprivate mutating func target(_ key: String) -> RoutingRule.Target? {
        guard let json = required(key, remedy: "send a provider's name or an offer's id") else { return nil }
        var problems: [FieldProblem] = []
        let target = RoutingRule.Target(json, at: "\(pointer)/\(key)", &problems)
        merge(problems)
        return target
    }

    /// A list that must be there, with at least one member.
    fileprivate mutating func list<Element>(
        _ key: String, of elements: String, _ read: (JSONValue, String, inout [FieldProblem]) -> Element?
    ) -> [Element]? {
        let remedy = "send an array of 1 to \(RoutingRule.longestList) \(elements)"
        guard let json = required(key, remedy: remedy) else { return nil }
        guard let array = json.arrayValue, (1...RoutingRule.longestList).contains(array.count) else {
            report(key, "is not a list of \(elements)", remedy: remedy)
            return nil
        }
        var problems: [FieldProblem] = []
        let list = array.enumerated().compactMap { index, json in read(json, "\(pointer)/\(key)/\(index)", &problems) }
        merge(problems)
        return problems.isEmpty ? list : nil
    }
}
