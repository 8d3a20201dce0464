import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where a gateway listens, and the addresses of what it offers.
struct GatewayAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without a slash at its end.
    private let base: String

    /// Takes `http://host[:port][/prefix]` or the same with `https`.
    ///
    /// - Throws: ``SandstormError`` of kind `configuration` that says what would be right.
    init(_ text: String) throws(SandstormError) {
        func refusal(_ reason: String) -> SandstormError {
            SandstormError(.configuration, "the gateway's address \"\(text.prefix(200))\" \(reason)")
        }
        guard text.contains("://") else { throw refusal("has no scheme; write http://… or https://…") }
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty else { throw refusal("is not a URL") }
        guard ["http", "https"].contains(parts.scheme?.lowercased()) else { throw refusal("is neither http:// nor https://") }
        guard parts.user == nil, parts.password == nil else {
            throw SandstormError(.configuration, "the gateway's address contains a user name or password; pass the API key by itself")
        }
        guard parts.query == nil, parts.fragment == nil else { throw refusal("has a query; leave out everything from \"?\" or \"#\"") }
        base = text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    var description: String { base }

    /// The address of a path below, such as `/v1/runs`.
    func url(_ path: String, query: [(name: String, value: String)] = []) -> String {
        guard !query.isEmpty else { return base + path }
        let parameters = query.map { "\(GatewayAddress.escaped($0.name))=\(GatewayAddress.escaped($0.value))" }
        return base + path + "?" + parameters.joined(separator: "&")
    }

    /// The text with every byte percent-encoded that could mean something in a query, but for `/` and `,`, which mean nothing there.
    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"), UInt8(ascii: ","):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                escaped += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }
}
