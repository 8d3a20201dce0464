import Hummingbird
import HummingbirdCore
import SandstormCore

/// The query of a request, of which each name is known and given once unless it may repeat.
struct QueryParameters: Sendable {
    private let values: [String: [String]]

    /// Reads the query of `request`.
    ///
    /// - Throws: ``Problem`` of kind `invalidParameter` for a name that is not in `names`, and for one given twice.
    init(_ request: Request, names: [String], repeatable: Set<String> = []) throws(Problem) {
        var values: [String: [String]] = [:]
        for (key, value) in request.uri.queryParameters where !key.isEmpty {
            let name = String(key)
            guard names.contains(name) else {
                let nearest = name.nearest(among: names)
                let known = names.isEmpty ? "this route takes none" : "known are: \(names.joined(separator: ", "))"
                let hint = nearest.map { "did you mean \"\($0)\"?" } ?? known
                throw Problem(.invalidParameter, "there is no query parameter \"\(name.prefix(64))\"; \(hint)")
            }
            guard values[name] == nil || repeatable.contains(name) else {
                throw Problem(.invalidParameter, "the query parameter \"\(name)\" is given twice; send it once")
            }
            values[name, default: []].append(String(value))
        }
        self.values = values
    }

    /// The value of a name that does not repeat.
    subscript(name: String) -> String? { values[name]?.first }

    /// All values of `name`, those separated by commas included.
    func list(_ name: String) -> [String] {
        (values[name] ?? []).flatMap { $0.split(separator: ",", omittingEmptySubsequences: true).map(String.init) }
    }

    /// A whole number in `range`.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(.invalidParameter, "\"\(name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// `true` or `false`; a name without a value is `true`.
    func flag(_ name: String) throws(Problem) -> Bool? {
        switch self[name] {
        case nil: return nil
        case "true", "1", "": return true
        case "false", "0": return false
        default: throw Problem(.invalidParameter, "\"\(name)\" must be true or false")
        }
    }
}
