import SandstormCore

/// A JSON Schema (draft 2020-12), as OpenAPI 3.1 has it.
struct Schema: Sendable {
    let json: JSONValue

    init(_ object: JSONObject) { json = .object(object) }

    // MARK: Simple ones

    static let boolean = Schema(["type": "boolean"])
    /// Any object at all.
    static let anyObject = Schema(["type": "object"])
    /// What a body of bytes is called where the media type says the rest.
    static let bytes = Schema(["type": "string", "format": "binary"])
    static let notEmpty = Schema(["type": "string", "minLength": 1])
    /// One server-sent event.
    static let event = object(
        [("event", string()), ("data", string().with("contentMediaType", "application/json"))], optional: [("id", string())])
    static let base64 = Schema(["type": "string", "contentEncoding": "base64"])
    static let instant = Schema(["type": "string", "format": "date-time"])
    /// Without the one byte that no name, path or argument can have.
    static let text = string(pattern: "^[^\\u0000]*$")
    static let nonEmptyText = string(pattern: "^[^\\u0000]+$")

    static func string(pattern: String? = nil, length: ClosedRange<Int>? = nil) -> Schema {
        var object: JSONObject = ["type": "string"]
        object["pattern"] = pattern.map(JSONValue.string)
        object["minLength"] = length.map { .integer($0.lowerBound) }
        object["maxLength"] = length.map { .integer($0.upperBound) }
        return Schema(object)
    }

    static func integer(_ range: ClosedRange<Int>? = nil, default value: Int? = nil) -> Schema {
        var object: JSONObject = ["type": "integer"]
        object["minimum"] = range.map { .integer($0.lowerBound) }
        object["maximum"] = range.map { .integer($0.upperBound) }
        object["default"] = value.map { .integer($0) }
        return Schema(object)
    }

    /// A count or an amount that can't be negative.
    static let count = Schema(["type": "integer", "minimum": 0])
    static let milliseconds = count.described("Milliseconds.")
    static let money = string(pattern: "^-?[0-9]+\\.[0-9]{9}$").described("US dollars, exact.")
    /// A rate may be far below a nano-dollar.
    static let rate = string(pattern: "^[0-9]+(\\.[0-9]+)?$").described("US dollars, exact.")

    static func choice(_ names: [String]) -> Schema { Schema(["type": "string", "enum": .strings(names)]) }

    static func choice<Value: CaseIterable & RawRepresentable>(of type: Value.Type) -> Schema where Value.RawValue == String {
        choice(Value.allCases.map(\.rawValue))
    }

    /// An identifier as Sandstorm makes them.
    static func identifier(_ prefix: String) -> Schema { string(pattern: "^\(prefix)_[0-9a-v]{26}$") }

    static func reference(_ name: String) -> Schema { Schema(["$ref": .string("#/components/schemas/\(name)")]) }

    // MARK: Composed ones

    static func array(of element: Schema, minimum: Int? = nil) -> Schema {
        var object: JSONObject = ["type": "array", "items": element.json]
        object["minItems"] = minimum.map { .integer($0) }
        return Schema(object)
    }

    /// An object whose members all have the same kind of value.
    static func map(of value: Schema, names: Schema? = nil, atMost count: Int? = nil) -> Schema {
        var object: JSONObject = ["type": "object", "additionalProperties": value.json]
        object["propertyNames"] = names?.json
        object["maxProperties"] = count.map { .integer($0) }
        return Schema(object)
    }

    static func oneOf(_ schemas: Schema...) -> Schema { Schema(["oneOf": .array(schemas.map(\.json))]) }

    /// The members of an object, in the order in which they are shown.
    typealias Members = [(key: String, value: Schema)]

    /// An object of an answer, which may get more members in later versions.
    static func object(_ required: Members, optional: Members = []) -> Schema {
        var object: JSONObject = ["type": "object", "properties": properties(required, optional)]
        if !required.isEmpty { object["required"] = .strings(required.map(\.key)) }
        return Schema(object)
    }

    /// An object of a request, in which nothing unknown may be, and in which `null` stands for a member that is not there.
    static func request(_ required: Members = [], optional: Members = []) -> Schema {
        var object: JSONObject = ["type": "object", "additionalProperties": false]
        object["properties"] = properties(required, optional.map { (key: $0.key, value: $0.value.orNull) })
        if !required.isEmpty { object["required"] = .strings(required.map(\.key)) }
        return Schema(object)
    }

    private static func properties(_ required: Members, _ optional: Members) -> JSONValue {
        var properties = JSONObject()
        for (key, schema) in required + optional { properties[key] = schema.json }
        return .object(properties)
    }

    // MARK: Additions

    func described(_ text: String) -> Schema { with("description", .string(text)) }

    func with(_ key: String, _ value: JSONValue) -> Schema {
        guard case .object(var object) = json else { return self }
        object[key] = value
        return Schema(object)
    }

    private var orNull: Schema {
        guard case .object(var object) = json, case .string(let type)? = object["type"] else {
            return Schema(["anyOf": [json, ["type": "null"]]])
        }
        object["type"] = [.string(type), "null"]
        if case .array(let names)? = object["enum"] { object["enum"] = .array(names + [.null]) }
        return Schema(object)
    }
}
