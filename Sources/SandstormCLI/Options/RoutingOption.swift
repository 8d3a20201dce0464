import Sandstorm

/// How `--route` and `--objective` are written: short forms of what the API's JSON says at length.
enum RoutingOption {
    /// A rule in the API's JSON: `e2b` pins, `e2b,daytona` is a list in order, `e2b=70,daytona=30` a split; a brace begins a rule in JSON.
    ///
    /// `nil` if it is none of these.
    static func rule(_ text: String) -> JSONValue? {
        if text.hasPrefix("{") { return try? JSONValue(parsing: text) }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard !parts.contains("") else { return nil }
        if parts.allSatisfy({ !$0.contains("=") }) {
            return parts.count == 1 ? ["type": "pinned", "to": .string(parts[0])] : ["type": "fallback", "order": .strings(parts)]
        }
        guard let weights = weights(parts) else { return nil }
        return ["type": "split", "shares": .array(weights.map { ["to": .string($0.name), "weight": .integer($0.weight)] })]
    }

    /// The weights of an objective in the API's JSON: `cost=70,latency=30`. `nil` if it is no such list.
    static func weights(_ text: String) -> JSONValue? {
        let parts = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        guard text.contains("="), let weights = weights(parts), Set(weights.map(\.name)).count == weights.count else { return nil }
        var object = JSONObject()
        for (name, weight) in weights { object[name] = .integer(weight) }
        return .object(object)
    }

    private static func weights(_ parts: [String]) -> [(name: String, weight: Int)]? {
        var weights: [(name: String, weight: Int)] = []
        for part in parts {
            // What stands before the last sign is the name, which may have signs of its own.
            guard let sign = part.lastIndex(of: "="), sign != part.startIndex, let weight = Int(part[part.index(after: sign)...]) else {
                return nil
            }
            weights.append((String(part[..<sign]), weight))
        }
        return weights
    }
}
