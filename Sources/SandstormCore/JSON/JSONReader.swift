/// Reads the members of a JSON object and collects every problem instead of stopping at the first.
///
/// Each accessor names a known key. ``finish()`` then reports the members nobody asked for, with the nearest known name.
public struct JSONReader {
    /// JSON pointer to the object.
    public let pointer: String
    /// What is wrong so far.
    public private(set) var problems: [FieldProblem] = []

    private let object: JSONObject
    private var known: [String] = []

    /// A reader of `value`, which is at `pointer`; anything but an object is a problem at once.
    public init(_ value: JSONValue, at pointer: String) {
        self.pointer = pointer
        if case .object(let object) = value {
            self.object = object
        } else {
            object = JSONObject()
            report(at: pointer, "must be an object", remedy: "send {…}")
        }
    }

    /// The raw member `key`. JSON's `null` counts as absent.
    public mutating func value(_ key: String) -> JSONValue? {
        known.append(key)
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    /// A string member.
    public mutating func string(_ key: String) -> String? {
        read(key, "must be a string", remedy: "send it in quotes") { $0.stringValue }
    }

    /// A truth value.
    public mutating func bool(_ key: String) -> Bool? {
        read(key, "must be true or false", remedy: "send true or false without quotes") { $0.boolValue }
    }

    /// A whole number within `range`.
    public mutating func integer(_ key: String, in range: ClosedRange<Int>, unit: String) -> Int? {
        let remedy = "send a whole number of \(unit) from \(range.lowerBound) to \(range.upperBound)"
        return read(key, "is not a whole number in range", remedy: remedy) { value in
            value.intValue.flatMap { range.contains($0) ? $0 : nil }
        }
    }

    /// An array of strings.
    public mutating func strings(_ key: String) -> [String]? {
        guard let value = value(key) else { return nil }
        guard let elements = value.arrayValue else {
            report(key, "must be an array of strings", remedy: "send [\"…\"]")
            return nil
        }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            if let string = element.stringValue {
                strings.append(string)
            } else {
                report("\(key)/\(index)", "must be a string", remedy: "send it in quotes")
            }
        }
        return strings
    }

    /// An object whose values are all strings.
    public mutating func stringMap(_ key: String) -> [String: String]? {
        guard let value = value(key) else { return nil }
        guard let object = value.objectValue else {
            report(key, "must be an object of strings", remedy: "send {\"NAME\": \"value\"}")
            return nil
        }
        var map: [String: String] = [:]
        for member in object.members {
            if let string = member.value.stringValue {
                map[member.key] = string
            } else {
                report("\(key)/\(JSONReader.escape(member.key))", "must be a string", remedy: "send it in quotes")
            }
        }
        return map
    }

    /// A member that `transform` understands; `nil` from it is a problem.
    public mutating func read<Value>(
        _ key: String, _ detail: String, remedy: String, _ transform: (JSONValue) -> Value?
    ) -> Value? {
        guard let value = value(key) else { return nil }
        let result = transform(value)
        if result == nil { report(key, detail, remedy: remedy) }
        return result
    }

    /// Adds a problem at the member `key` (which may be a path below this object).
    public mutating func report(_ key: String, _ detail: String, remedy: String) {
        report(at: "\(pointer)/\(key)", detail, remedy: remedy)
    }

    /// Adds a problem at a full pointer.
    public mutating func report(at pointer: String, _ detail: String, remedy: String) {
        problems.append(FieldProblem(pointer: pointer, detail: detail, remedy: remedy))
    }

    /// Takes over problems found by the reader of a nested value.
    public mutating func merge(_ nested: [FieldProblem]) { problems.append(contentsOf: nested) }

    /// Reports unknown members; returns all problems.
    public mutating func finish() -> [FieldProblem] {
        for member in object.members where !known.contains(member.key) {
            let nearest = member.key.nearest(among: known)
            report(
                JSONReader.escape(member.key), "is not a known field",
                remedy: nearest.map { "did you mean \"\($0)\"?" } ?? "known are: \(known.sorted().joined(separator: ", "))")
        }
        return problems
    }

    /// A key as a reference token of a JSON pointer.
    public static func escape(_ key: String) -> String {
        String(key.flatMap { $0 == "~" ? Array("~0") : $0 == "/" ? Array("~1") : [$0] })
    }
}
