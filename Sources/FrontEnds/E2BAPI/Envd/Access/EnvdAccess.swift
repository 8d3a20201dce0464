import Crypto
import HTTPTypes
import HummingbirdCore
import SandstormCore
import SandstormEngine
import SandstormServer

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
import SandstormServer
#endif

/// Who may ask something of a sandbox's envd: whoever shows the token that came with the sandbox, or, for one file, a URL signed with it.
struct EnvdAccess: Sendable {
    private static let tokenField = HTTPField.Name.known("X-Access-Token")

    let engine: Engine

    /// - Throws: ``E2BError``: 401 unless `request` shows the sandbox's token.
    func check(_ request: Request, _ sandbox: OpenSandbox) throws(E2BError) {
        guard let token = request.headers[EnvdAccess.tokenField] else {
            throw E2BError(.unauthorized, "unauthorized: no access token was sent; send X-Access-Token with the sandbox's envdAccessToken")
        }
        guard engine.isToken(token, of: sandbox.id, for: E2BToken.envd) else {
            throw E2BError(.unauthorized, "unauthorized: the access token is not this sandbox's")
        }
    }

    /// - Throws: ``E2BError``: 401 unless `request` shows the token or is signed with it.
    func check(_ request: Request, _ sandbox: OpenSandbox, for operation: FileSignature.Operation, _ query: FileQuery) throws(E2BError) {
        guard request.headers[EnvdAccess.tokenField] == nil, let signature = query.signature else { return try check(request, sandbox) }
        let expected = FileSignature(
            path: query.path ?? "", operation: operation, user: query.user ?? "",
            token: engine.sandboxToken(sandbox.id, for: E2BToken.envd),
            expiration: query.expiration)
        guard expected.matches(signature) else { throw E2BError(.unauthorized, "unauthorized: the signature is wrong") }
        if let expiration = query.expiration {
            guard let seconds = Int64(expiration), Date().timeIntervalSince1970 < Double(seconds) else {
                throw E2BError(.unauthorized, "unauthorized: the signature has expired")
            }
        }
    }
}

/// The signature of a URL that is good for one file.
struct FileSignature: Sendable {
    enum Operation: String, Sendable {
        case read, write
    }

    /// With the version before it.
    let text: String

    /// - Parameter expiration: in seconds since 1970, as it stands in the URL.
    init(path: String, operation: Operation, user: String, token: String, expiration: String?) {
        let parts = [path, operation.rawValue, user, token] + (expiration.map { [$0] } ?? [])
        let digest = Data(SHA256.hash(data: Data(parts.joined(separator: ":").utf8))).base64EncodedString()
        text = "v1_" + digest.prefix { $0 != "=" }
    }

    /// Takes as long for a signature that is nearly right as for any other.
    func matches(_ other: String) -> Bool {
        let (own, other) = (Array(text.utf8), Array(other.utf8))
        guard own.count == other.count else { return false }
        return zip(own, other).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
