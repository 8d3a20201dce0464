import Hummingbird
package import HummingbirdCore
package import SandstormCore

/// The query of a request, of which each name is known and given once unless it may repeat.
package struct QueryParameters: Sendable {
    private let values: [String: [String]]

    /// Reads the query of `request`.
    ///
    /// - Parameters:
    ///   - prefix: what begins the names of a family of parameters, such as `metadata.`; what follows it is up to the caller.
    /// - Throws: ``Problem`` of kind `invalidParameter` for a name that is not in `names`, and for one given twice.
    package init(_ request: Request, names: [String], repeatable: Set<String> = [], prefix: String? = nil) throws(Problem) {
        var values: [String: [String]] = [:]
        guard let parameters = FormText.parameters(request.uri.query ?? "") else {
            throw Problem(.invalidParameter, "the query is not percent-encoded UTF-8")
        }
        for (name, value) in parameters where !name.isEmpty {
            let isOfFamily = prefix.map { name.hasPrefix($0) && name.count > $0.count } ?? false
            guard names.contains(name) || isOfFamily else {
                let nearest = name.nearest(among: names)
                let all = names + (prefix.map { [$0 + "‹key›"] } ?? [])
                let known = all.isEmpty ? "this route takes none" : "known are: \(all.joined(separator: ", "))"
                let hint = nearest.map { "did you mean \"\($0)\"?" } ?? known
                throw Problem(.invalidParameter, "there is no query parameter \"\(name.prefix(64))\"; \(hint)")
            }
            guard values[name] == nil || repeatable.contains(name) else {
                throw Problem(.invalidParameter, "the query parameter \"\(name)\" is given twice; send it once")
            }
            values[name, default: []].append(value)
        }
        self.values = values
    }

    /// The value of a name that does not repeat.
    package subscript(name: String) -> String? { values[name]?.first }

    /// All values of `name`, those separated by commas included.
    package func list(_ name: String) -> [String] {
        (values[name] ?? []).flatMap { $0.split(separator: ",", omittingEmptySubsequences: true).map(String.init) }
    }

    /// The values of the family that `prefix` begins, by what follows it.
    package func family(_ prefix: String) -> [String: String] {
        var family: [String: String] = [:]
        for (name, values) in values where name.hasPrefix(prefix) { family[String(name.dropFirst(prefix.count))] = values.first }
        return family
    }

    /// A value that must be there.
    package func required(_ name: String) throws(Problem) -> String {
        guard let value = self[name], !value.isEmpty else {
            throw Problem(.invalidParameter, "the query parameter \"\(name)\" is missing; send ?\(name)=…")
        }
        return value
    }

    /// The path inside a sandbox that must be there, absolute or relative to the workspace.
    package func path(_ name: String = "path") throws(Problem) -> String {
        let path = try required(name)
        guard !path.utf8.contains(0) else {
            throw Problem(.invalidParameter, "\"\(name)\" contains a NUL byte, which no path can")
        }
        return path
    }

    /// The user inside a sandbox who is to do it; `nil` for its usual one.
    package func user(_ name: String = "user") throws(Problem) -> String? {
        guard let user = self[name] else { return nil }
        guard !user.isEmpty, !user.utf8.contains(0) else {
            throw Problem(.invalidParameter, "\"\(name)\" must be the name or number of a user inside the sandbox; or leave it out")
        }
        return user
    }

    /// Permission bits in octal digits.
    package func mode(_ name: String = "mode") throws(Problem) -> UInt16? {
        guard let text = self[name] else { return nil }
        guard let mode = UInt16(octalMode: text) else {
            throw Problem(.invalidParameter, "\"\(name)\" must be a file mode in octal digits, such as 0755")
        }
        return mode
    }

    /// One of the names of an enumeration.
    package func choice<Value: CaseIterable & RawRepresentable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(Problem) -> Value? where Value.RawValue == String {
        guard let text = self[name] else { return nil }
        return try QueryParameters.choice(text, of: name)
    }

    /// Several names of an enumeration, in as many parameters or separated by commas.
    package func choices<Value: CaseIterable & RawRepresentable & Hashable>(
        _ name: String, as type: Value.Type = Value.self
    ) throws(Problem) -> Set<Value> where Value.RawValue == String {
        var choices: Set<Value> = []
        for text in list(name) { choices.insert(try QueryParameters.choice(text, of: name)) }
        return choices
    }

    private static func choice<Value: CaseIterable & RawRepresentable>(
        _ text: String, of name: String
    ) throws(Problem) -> Value where Value.RawValue == String {
        if let value = Value(rawValue: text) { return value }
        let known = Value.allCases.map(\.rawValue)
        let hint = text.nearest(among: known).map { "did you mean \"\($0)\"?" } ?? "known are: \(known.joined(separator: ", "))"
        throw Problem(.invalidParameter, "there is no \(name) \"\(text.prefix(64))\"; \(hint)")
    }

    /// An identifier of the kind that `Kind` says.
    package func identifier<Kind: IdentifierKind>(_ name: String, remedy: String) throws(Problem) -> Identifier<Kind>? {
        guard let text = self[name] else { return nil }
        guard let id = Identifier<Kind>(text) else {
            throw Problem(.invalidParameter, "\"\(name)\" is not an id that begins with \(Kind.prefix)_; \(remedy)")
        }
        return id
    }

    /// A whole number in `range`.
    package func integer(_ name: String, in range: ClosedRange<Int>) throws(Problem) -> Int? {
        guard let text = self[name] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(.invalidParameter, "\"\(name)\" must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// `true` or `false`; a name without a value is `true`.
    package func flag(_ name: String) throws(Problem) -> Bool? {
        switch self[name] {
        case nil: return nil
        case "true", "1", "": return true
        case "false", "0": return false
        default: throw Problem(.invalidParameter, "\"\(name)\" must be true or false")
        }
    }
}
