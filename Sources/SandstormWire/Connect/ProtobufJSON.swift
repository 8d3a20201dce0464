package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A message in protobuf's JSON form, read leniently as that form demands.
///
/// Keys come in lowerCamelCase or as the schema has them, 64-bit numbers as text or as numbers, enums by name or by number, bytes in either
/// base64 alphabet, with padding or without. Unknown members are passed over; `null` counts as absent.
package struct ProtobufJSON: Sendable {
    package let object: JSONObject

    package init(_ object: JSONObject = JSONObject()) { self.object = object }

    /// - Throws: ``ConnectError`` with `invalid_argument` if `json` is no object.
    package init(_ json: JSONValue) throws(ConnectError) {
        guard let object = json.objectValue else { throw ConnectError(.invalidArgument, "the message is not an object") }
        self.object = object
    }

    /// The member `key`, which is given in lowerCamelCase.
    package func value(_ key: String) -> JSONValue? {
        let value = object[key] ?? object[ProtobufJSON.snakeCase(key)]
        return value == .null ? nil : value
    }

    package func string(_ key: String) throws(ConnectError) -> String? {
        try read(key, "a string") { $0.stringValue }
    }

    package func bool(_ key: String) throws(ConnectError) -> Bool? {
        try read(key, "true or false") { $0.boolValue }
    }

    /// A whole number that fits `Integer`.
    package func integer<Integer: FixedWidthInteger>(_ key: String) throws(ConnectError) -> Integer? {
        try read(key, "a whole number in range") { value in
            (value.intValue ?? value.stringValue.flatMap { Int($0) }).flatMap { Integer(exactly: $0) }
        }
    }

    /// Bytes in base64.
    package func bytes(_ key: String) throws(ConnectError) -> [UInt8]? {
        try read(key, "base64") { $0.stringValue.flatMap(ProtobufJSON.decodeBase64) }
    }

    /// A nested message.
    package func message(_ key: String) throws(ConnectError) -> ProtobufJSON? {
        try read(key, "an object") { $0.objectValue.map(ProtobufJSON.init) }
    }

    package func messages(_ key: String) throws(ConnectError) -> [ProtobufJSON] {
        try read(key, "an array of objects") { value in
            guard let elements = value.arrayValue else { return nil }
            let objects = elements.compactMap(\.objectValue)
            return objects.count == elements.count ? objects.map(ProtobufJSON.init) : nil
        } ?? []
    }

    package func strings(_ key: String) throws(ConnectError) -> [String] {
        try read(key, "an array of strings") { value in
            guard let elements = value.arrayValue else { return nil }
            let strings = elements.compactMap(\.stringValue)
            return strings.count == elements.count ? strings : nil
        } ?? []
    }

    package func stringMap(_ key: String) throws(ConnectError) -> [String: String] {
        try read(key, "an object of strings") { value in
            guard let object = value.objectValue else { return nil }
            var map: [String: String] = [:]
            for member in object.members {
                guard let string = member.value.stringValue else { return nil }
                map[member.key] = string
            }
            return map
        } ?? [:]
    }

    /// An enum's number, written so or as one of the `names`.
    ///
    /// - Returns: `nil` if it is absent. An unknown number is returned as it is; an unknown name is an error.
    package func enumeration(_ key: String, _ names: KeyValuePairs<String, Int>) throws(ConnectError) -> Int? {
        try read(key, "one of \(names.map(\.key).joined(separator: ", "))") { value in
            if let name = value.stringValue { return names.first { $0.key == name }?.value }
            return value.intValue
        }
    }

    private func read<Value>(_ key: String, _ wanted: String, _ transform: (JSONValue) -> Value?) throws(ConnectError) -> Value? {
        guard let value = value(key) else { return nil }
        guard let result = transform(value) else { throw ConnectError(.invalidArgument, "\"\(key)\" is not \(wanted)") }
        return result
    }

    /// Bytes as protobuf's JSON has them.
    package static func base64(_ bytes: some Collection<UInt8>) -> JSONValue { .string(Data(bytes).base64EncodedString()) }

    private static func decodeBase64(_ text: String) -> [UInt8]? {
        if let data = Data(base64Encoded: text) { return Array(data) }
        var standard = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        standard.append(contentsOf: repeatElement("=", count: (4 - standard.count % 4) % 4))
        return Data(base64Encoded: String(standard)).map(Array.init)
    }

    private static func snakeCase(_ key: String) -> String {
        key.reduce(into: "") { result, character in
            if character.isUppercase { result.append("_") }
            result.append(contentsOf: character.lowercased())
        }
    }
}
