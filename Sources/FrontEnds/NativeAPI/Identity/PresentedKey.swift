import HTTPTypes

/// The secret that a client showed. It describes itself as redacted, so that it can't reach a log by accident.
struct PresentedKey: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible {
    let secret: String

    init(secret: String) { self.secret = secret }

    /// Takes `Authorization: Bearer …`, else `X-API-Key`.
    init?(_ fields: HTTPFields) {
        if let authorization = fields[.authorization] {
            let parts = authorization.split(separator: " ", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == "bearer" {
                secret = String(parts[1].drop { $0 == " " })
                return
            }
        }
        guard let key = fields[.apiKey], !key.isEmpty else { return nil }
        secret = key
    }

    var description: String { "‹redacted›" }
    var debugDescription: String { "‹redacted›" }
}
