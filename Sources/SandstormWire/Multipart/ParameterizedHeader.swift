/// A header value with parameters: `form-data; name="file"; filename="a b.txt"`.
package struct ParameterizedHeader: Hashable, Sendable {
    /// What is before the first semicolon, in lowercase.
    package var value: String
    /// By name, in lowercase. An extended parameter (RFC 8187: `filename*=UTF-8''…`) counts instead of the plain one.
    package var parameters: [String: String]

    /// - Returns: `nil` if it is not UTF-8, a quoted text has no end, or something stands where no parameter can.
    package init?(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        let value = ParameterizedHeader.trimmed(rest.prefix { $0 != UInt8(ascii: ";") })
        guard let text = String(validating: value, as: UTF8.self), !text.isEmpty else { return nil }
        self.value = text.lowercased()
        parameters = [:]
        var extended: [String: String] = [:]
        rest = rest.drop { $0 != UInt8(ascii: ";") }
        while rest.popFirst() == UInt8(ascii: ";") {
            rest = rest.drop(while: ParameterizedHeader.isSpace)
            // A semicolon that nothing follows is written by some.
            if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
            let name = ParameterizedHeader.trimmed(rest.prefix { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") })
            rest = rest.drop { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: ";") }
            guard rest.popFirst() == UInt8(ascii: "="), let key = String(validating: name, as: UTF8.self)?.lowercased(), !key.isEmpty
            else { return nil }
            rest = rest.drop(while: ParameterizedHeader.isSpace)
            guard let raw = ParameterizedHeader.takeValue(&rest), let value = String(validating: raw, as: UTF8.self) else { return nil }
            if key.hasSuffix("*") {
                guard let decoded = ParameterizedHeader.decodeExtended(value) else { return nil }
                extended[String(key.dropLast())] = decoded
            } else if parameters[key] == nil {
                parameters[key] = value
            }
        }
        guard rest.isEmpty else { return nil }
        parameters.merge(extended) { _, extended in extended }
    }

    /// - Returns: `nil` as for the bytes.
    package init?(_ text: String) { self.init(text.utf8) }

    /// Takes a token or a quoted text, and the space behind it.
    private static func takeValue(_ rest: inout ArraySlice<UInt8>) -> [UInt8]? {
        guard rest.first == UInt8(ascii: "\"") else {
            let token = trimmed(rest.prefix { $0 != UInt8(ascii: ";") })
            rest = rest.drop { $0 != UInt8(ascii: ";") }
            return Array(token)
        }
        rest.removeFirst()
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                rest = rest.drop(while: isSpace)
                return value
            // Only what must be escaped is: browsers send names of other systems' files with their backslashes as they are.
            case UInt8(ascii: "\\") where rest.first == UInt8(ascii: "\"") || rest.first == UInt8(ascii: "\\"):
                value.append(rest.removeFirst())
            default: value.append(byte)
            }
        }
        return nil
    }

    private static func decodeExtended(_ text: String) -> String? {
        let parts = text.split(separator: "'", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].lowercased() == "utf-8" else { return nil }
        var bytes: [UInt8] = []
        var rest = parts[2].utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(Substring(rest.prefix(2))), radix: 16) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    private static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let start = bytes.drop(while: isSpace)
        return start[..<((start.lastIndex { !isSpace($0) }).map { $0 + 1 } ?? start.startIndex)]
    }
}
