package import HTTPTypes

/// The secret that a client showed. It describes itself as redacted, so that it can't reach a log by accident.
package struct PresentedKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    package let secret: String

    package init(secret: String) { self.secret = secret }

    /// Takes `Authorization: Bearer …`, else `X-API-Key`, else what a WebSocket's handshake offers as a subprotocol.
    ///
    /// - Parameter isForPort: `Authorization` comes last: beside another key it belongs to the port's own server.
    package init?(_ head: HTTPRequest, isForPort: @autoclosure () -> Bool = false) {
        let fields = head.headerFields
        let bearer = PresentedKey.bearer(fields)
        let others = PresentedKey.field(fields) ?? (WebSocketUpgrade.isAskedFor(by: head) ? OfferedSubprotocols(fields).key : nil)
        guard let first = bearer ?? others else { return nil }
        // Asked for only where it matters: to find a path's place takes longer than all of this.
        if let others, bearer != nil, isForPort() { secret = others } else { secret = first }
    }

    private static func bearer(_ fields: HTTPFields) -> String? {
        guard let parts = fields[.authorization]?.split(separator: " ", maxSplits: 1), parts.count == 2, parts[0].lowercased() == "bearer"
        else { return nil }
        return String(parts[1].drop { $0 == " " })
    }

    private static func field(_ fields: HTTPFields) -> String? {
        guard let key = fields[.apiKey], !key.isEmpty else { return nil }
        return key
    }

    package var description: String { "‹redacted›" }
    package var debugDescription: String { "‹redacted›" }
}
