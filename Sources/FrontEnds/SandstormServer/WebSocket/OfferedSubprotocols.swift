package import HTTPTypes

/// What a WebSocket's handshake offers as subprotocols, an API key among them: browsers let a page set no other field of a handshake.
///
/// A client that shows its key as `sandstorm.key.‹key›` offers `sandstorm` beside it, which is the one that is chosen: browsers insist on
/// one of theirs, and the key is never said back.
package struct OfferedSubprotocols: Sendable {
    /// Those that are none of the gateway's secrets.
    package let names: [String]
    /// The key, if there is one.
    package let key: String?

    /// The subprotocol for clients that offer a key.
    package static let plain = "sandstorm"
    private static let keyPrefix = "sandstorm.key."

    package init(_ fields: HTTPFields) {
        let offered = fields[values: .webSocketProtocol].flatMap { $0.split(separator: ",") }.map { $0.trimmed }
        names = offered.filter { !$0.hasPrefix(OfferedSubprotocols.keyPrefix) }
        key = offered.first { $0.hasPrefix(OfferedSubprotocols.keyPrefix) }
            .map { String($0.dropFirst(OfferedSubprotocols.keyPrefix.count)) }.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// What a port's own server may know of them: neither the key nor the name that goes with it.
    package var foreignNames: [String] { key == nil ? names : names.filter { $0 != OfferedSubprotocols.plain } }

    /// What is chosen for a client that shows a key, where nobody else chooses.
    package var fallback: String? { key != nil && names.contains(OfferedSubprotocols.plain) ? OfferedSubprotocols.plain : nil }
}

extension Substring {
    fileprivate var trimmed: String { String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed()) }
}
