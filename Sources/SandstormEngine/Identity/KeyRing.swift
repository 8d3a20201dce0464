import Crypto
package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Makes, checks and revokes API keys. A key's secret is shown once; the store has its hash.
package struct KeyRing: Sendable {
    private let store: any Store

    package init(store: any Store) { self.store = store }

    /// Makes a key for the local tenant.
    ///
    /// - Returns: the secret, which can't be had again, and its record.
    package func make(name: String, for principal: Principal = .local) async throws(StoreError) -> (secret: String, record: APIKeyRecord) {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<4).flatMap { _ in withUnsafeBytes(of: generator.next().bigEndian, Array.init) }
        let secret = "sandstorm_" + bytes.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
        let record = APIKeyRecord(
            id: .generate(), tenant: principal.tenant, project: principal.project, name: name, hash: KeyRing.hash(secret), createdAt: Date()
        )
        try await store.insert(record)
        return (secret, record)
    }

    /// Makes the first key of a store that has none.
    ///
    /// - Returns: its secret, to be shown once; `nil` if there was a key.
    package func makeFirst() async throws(StoreError) -> String? {
        guard try await store.keys().isEmpty else { return nil }
        return try await make(name: "first").secret
    }

    /// Whoever holds this secret; `nil` for an unknown or revoked one.
    package func principal(secret: String) async throws(StoreError) -> Principal? {
        guard secret.hasPrefix("sandstorm_"), let record = try await store.key(hash: KeyRing.hash(secret)) else { return nil }
        return Principal(tenant: record.tenant, project: record.project, key: record.id)
    }

    /// All keys, newest first.
    package func list() async throws(StoreError) -> [APIKeyRecord] { try await store.keys() }

    /// Revokes a key at once.
    ///
    /// - Returns: `false` if there is no such key.
    package func revoke(_ id: APIKeyID) async throws(StoreError) -> Bool { try await store.revokeKey(id, at: Date()) }

    private static func hash(_ secret: String) -> [UInt8] { Array(SHA256.hash(data: Array(secret.utf8))) }
}
