import HTTPTypes
import SandstormCore

/// A template or a snapshot as clients name it: `name`, `id`, `namespace/name`, each with or without `:tag`.
struct TemplateReference: Hashable, Sendable {
    static let defaultTag = "default"

    var namespace: String?
    /// A name or an id.
    var name: String
    var tag: String?

    /// - Throws: 400 for what is no name.
    init(_ text: String) throws(E2BError) {
        var rest = text[...]
        if let slash = rest.firstIndex(of: "/") {
            namespace = String(rest[..<slash])
            rest = rest[rest.index(after: slash)...]
        }
        if let colon = rest.firstIndex(of: ":") {
            tag = String(rest[rest.index(after: colon)...])
            rest = rest[..<colon]
        }
        name = String(rest)
        let parts = [namespace, name, tag].compactMap { $0 }
        guard parts.allSatisfy({ TemplateName.isValid($0) }) else {
            throw E2BError(
                .badRequest, "Invalid template name \"\(text.prefix(128))\": use letters, digits, -, _ and ., as in namespace/name:tag")
        }
    }
}

/// Ids of ours in this dialect: lowercase letters and digits only.
enum PlainID {
    static func text<Kind>(_ id: Identifier<Kind>) -> String { id.rawValue.replacing("_", with: "") }

    static func parse<Kind>(_ text: some StringProtocol, as kind: Kind.Type = Kind.self) -> Identifier<Kind>? {
        guard text.hasPrefix(Kind.prefix) else { return nil }
        return Identifier<Kind>(Kind.prefix + "_" + text.dropFirst(Kind.prefix.count))
    }
}

/// Builds' ids in this dialect: the same 128 bits in the form of a UUID, which SDKs insist on.
enum BuildIDText {
    private static let digits = Array("0123456789abcdefghijklmnopqrstuv".utf8)
    private static let hexadecimal = Array("0123456789abcdef".utf8)
    private static let groups = [8, 12, 16, 20]

    static func text(_ id: TemplateBuildID) -> String {
        var bits: [UInt8] = []
        for digit in id.rawValue.utf8.drop(while: { $0 != UInt8(ascii: "_") }).dropFirst() {
            let value = UInt8(digits.firstIndex(of: digit) ?? 0)
            for shift in stride(from: 4, through: 0, by: -1) { bits.append(value >> UInt8(shift) & 1) }
        }
        var text = ""
        for (index, start) in stride(from: 0, to: 128, by: 4).enumerated() {
            if groups.contains(index) { text += "-" }
            let value = bits[start..<start + 4].reduce(0) { $0 << 1 | Int($1) }
            text.unicodeScalars.append(Unicode.Scalar(hexadecimal[value]))
        }
        return text
    }

    static func parse(_ text: some StringProtocol) -> TemplateBuildID? {
        var bits: [UInt8] = []
        for (index, character) in text.utf8.enumerated() {
            if [8, 13, 18, 23].contains(index) {
                guard character == UInt8(ascii: "-") else { return nil }
                continue
            }
            guard let value = hexadecimal.firstIndex(of: character) else { return nil }
            for shift in stride(from: 3, through: 0, by: -1) { bits.append(UInt8(value >> shift & 1)) }
        }
        guard bits.count == 128 else { return nil }
        bits += [0, 0]
        let id = stride(from: 0, to: 130, by: 5).map { start in
            digits[bits[start..<start + 5].reduce(0) { $0 << 1 | Int($1) }]
        }
        return TemplateBuildID("\(TemplateBuildKind.prefix)_" + String(decoding: id, as: UTF8.self))
    }
}
