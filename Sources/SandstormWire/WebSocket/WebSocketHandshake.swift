import Crypto
import NIOCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The two numbers by which the ends of a WebSocket's handshake know that the other one means it.
package enum WebSocketHandshake {
    /// The version of the protocol that RFC 6455 defines.
    package static let version = "13"

    /// A new value for `Sec-WebSocket-Key`.
    package static func key() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<2).flatMap { _ in withUnsafeBytes(of: generator.next(), Array.init) }
        return Data(bytes).base64EncodedString()
    }

    /// Whether `key` is 16 bytes in base64.
    package static func isKey(_ key: String) -> Bool { Data(base64Encoded: key)?.count == 16 }

    /// The value of `Sec-WebSocket-Accept` that answers `key`.
    package static func accept(_ key: String) -> String {
        let digest = Insecure.SHA1.hash(data: Data((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return Data(digest).base64EncodedString()
    }
}
