import Hummingbird
import HummingbirdCore
import SandstormCore

/// The name of a request that the client, the logs and the answer share.
enum RequestName {
    /// The client's own if it is sane, else a new one.
    static func of(_ request: Request) -> String { request.headers[.requestID].flatMap(sane) ?? generate() }

    static func generate() -> String { Identifier<RequestKind>.generate().rawValue }

    private static func sane(_ id: String) -> String? {
        let isSane = (1...128).contains(id.utf8.count) && id.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""\<>"#.utf8.contains($0) }
        return isSane ? id : nil
    }
}

/// Kinds of identifiers: one HTTP request.
private enum RequestKind: IdentifierKind { static let prefix = "req" }
