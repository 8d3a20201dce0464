/// Any JSON value, with numbers kept as written.
///
/// Numbers stay text because money must not pass through a binary fraction: `0.10` arrives as the three digits that the
/// caller wrote. Objects keep the order of their members, and a parsed object never holds a key twice.
public enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The literal, in JSON's grammar: `-12`, `0.10`, `1e3`.
    case number(String)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// The members of a JSON object in the order written.
public struct JSONObject: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    /// Key and value of each member.
    public private(set) var members: [Member] = []

    /// One `"key": value` of an object.
    public struct Member: Hashable, Sendable {
        /// The name without quotes and escapes; unique in its object.
        public let key: String
        /// May be ``JSONValue/null``, which is not the same as no member.
        public var value: JSONValue
    }

    /// An object without members.
    public init() {}

    /// Keeps the literal's order; of equal keys the last value counts.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        for (key, value) in elements { self[key] = value }
    }

    /// The value of `key`; setting `nil` removes the member, setting a new key appends it.
    public subscript(key: String) -> JSONValue? {
        get { members.first { $0.key == key }?.value }
        set {
            let index = members.firstIndex { $0.key == key }
            switch (index, newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append(Member(key: key, value: value))
            case (nil, nil): break
            }
        }
    }

    /// Appends without looking for an earlier member of the same key; for the parser, which checks by itself.
    mutating func append(_ key: String, _ value: JSONValue) { members.append(Member(key: key, value: value)) }
}

extension JSONValue {
    /// A number from an integer.
    public static func integer(_ value: some BinaryInteger) -> JSONValue { .number(String(value)) }

    /// An array of strings.
    public static func strings(_ values: some Sequence<String>) -> JSONValue { .array(values.map(JSONValue.string)) }

    /// The text, if this is a string.
    public var stringValue: String? { if case .string(let value) = self { value } else { nil } }

    /// The truth value, if this is one.
    public var boolValue: Bool? { if case .bool(let value) = self { value } else { nil } }

    /// The elements, if this is an array.
    public var arrayValue: [JSONValue]? { if case .array(let value) = self { value } else { nil } }

    /// The members, if this is an object.
    public var objectValue: JSONObject? { if case .object(let value) = self { value } else { nil } }

    /// The value as an integer, if it is a number with no fractional part that fits.
    public var intValue: Int? {
        guard case .number(let literal) = self else { return nil }
        if let integer = Int(literal) { return integer }
        guard let double = Double(literal), double == double.rounded(), abs(double) < 9e15 else { return nil }
        return Int(double)
    }

    /// The value as a binary fraction, if it is a finite number. Never use it for money.
    public var doubleValue: Double? {
        guard case .number(let literal) = self, let value = Double(literal), value.isFinite else { return nil }
        return value
    }

    /// The member `key` of an object; `nil` for every other kind of value.
    public subscript(key: String) -> JSONValue? { objectValue?[key] }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// Text in quotes is a string, never a number.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Digits are a number; fractions have no literal, so that none passes through binary.
    public init(integerLiteral value: Int) { self = .number(String(value)) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONValue: ExpressibleByDictionaryLiteral {
    /// An object in the literal's order; of equal keys the last value counts.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        var object = JSONObject()
        for (key, value) in elements { object[key] = value }
        self = .object(object)
    }
}

extension JSONValue: ExpressibleByArrayLiteral {
    /// An array, which may mix kinds of values.
    public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
}
