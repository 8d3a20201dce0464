import Crypto
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Words that open one sandbox for one purpose. Derived and not stored: whoever serves the same data directory gives the same ones.
extension Engine {
    /// The token of a sandbox, 64 hexadecimal digits. It is good as long as the sandbox is there.
    ///
    /// - Parameter purpose: what it opens; each purpose has tokens of its own.
    package func sandboxToken(_ id: SandboxID, for purpose: String) -> String { code(of: "\(purpose) \(id)") }

    func code(of subject: String) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array(subject.utf8), using: tokenKey)
        return code.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }

    /// Whether `token` is that of this sandbox and purpose. Takes as long for a token that is nearly right as for any other.
    package func isToken(_ token: some StringProtocol, of id: SandboxID, for purpose: String) -> Bool {
        isCode(token, of: "\(purpose) \(id)")
    }

    func isCode(_ token: some StringProtocol, of subject: String) -> Bool {
        let digits = Array(token.utf8)
        guard digits.count == SHA256.byteCount * 2 else { return false }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = Engine.value(digits[index]), let low = Engine.value(digits[index + 1]) else { return false }
            bytes.append(high << 4 | low)
        }
        return HMAC<SHA256>.isValidAuthenticationCode(bytes, authenticating: Array(subject.utf8), using: tokenKey)
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
