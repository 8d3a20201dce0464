package import Crypto

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Random bytes that one data directory or database keeps to itself. Keys are derived from them, each for one purpose.
package struct GatewaySecret: Sendable, CustomStringConvertible {
    private let bytes: [UInt8]

    package static let length = 32

    /// - Parameter bytes: as many as ``length``.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == GatewaySecret.length else { return nil }
        self.bytes = bytes
    }

    /// A key that tells nothing about the keys of other purposes.
    package func key(for purpose: String) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(
            inputKeyMaterial: SymmetricKey(data: bytes), info: Data("sandstorm \(purpose)".utf8), outputByteCount: GatewaySecret.length)
    }

    package var description: String { "‹redacted›" }

    static func randomBytes() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}
