import HTTPTypes
import SandstormServer

/// The key that a client of this dialect shows.
enum E2BKey {
    private static let vendorsPrefix = "e2b_"
    private static let ownPrefix = "sandstorm_"

    /// Takes `X-API-Key`, else `Authorization: Bearer …`.
    ///
    /// SDKs before 2.46 refuse keys that are not `e2b_` and hexadecimal digits, before they ask anybody: there, users write that in place of
    /// our own prefix, and it is the same key.
    static func presented(by head: HTTPRequest) -> PresentedKey? {
        guard let key = PresentedKey(head, isForPort: true) else { return nil }
        guard key.secret.hasPrefix(vendorsPrefix) else { return key }
        return PresentedKey(secret: ownPrefix + key.secret.dropFirst(vendorsPrefix.count))
    }
}
