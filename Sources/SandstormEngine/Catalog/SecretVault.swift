package import Crypto
package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Values that tenants put away. They are kept sealed with AES-GCM, each bound to its tenant and id, and no call gives one to a client.
package struct SecretVault: Sendable {
    private let store: any SecretStore
    private let key: SymmetricKey

    init(store: any SecretStore, key: SymmetricKey) {
        self.store = store
        self.key = key
    }

    /// Puts a value away under a new name.
    ///
    /// - Returns: `nil`, with nothing written, if the tenant has a secret of this name.
    package func make(
        name: String, value: String, metadata: [String: String], for principal: Principal
    ) async throws(EngineError) -> SecretRecord? {
        let id = SecretID.generate()
        let now = Date.thisMillisecond
        let record = SecretRecord(
            id: id, tenant: principal.tenant, project: principal.project, name: name, sealed: try seal(value, id, principal.tenant),
            metadata: metadata, createdAt: now, updatedAt: now)
        return try await ask { () async throws(StoreError) in try await store.insert(record) } ? record : nil
    }

    /// Puts another value away under the name of a secret.
    ///
    /// - Parameter metadata: `nil` to keep what there is.
    /// - Returns: `nil` if there is none.
    package func replace(
        _ idOrName: String, value: String, metadata: [String: String]?, for principal: Principal
    ) async throws(EngineError) -> SecretRecord? {
        guard let record = try await find(idOrName, for: principal) else { return nil }
        let sealed = try seal(value, record.id, principal.tenant)
        return try await ask { () async throws(StoreError) in
            try await store.replace(record.id, sealed: sealed, metadata: metadata, at: .thisMillisecond)
        }
    }

    /// The caller's secret of this id or name; without its value.
    package func find(_ idOrName: String, for principal: Principal) async throws(EngineError) -> SecretRecord? {
        try await ask { () async throws(StoreError) in try await store.secret(idOrName, tenant: principal.tenant) }
    }

    /// The caller's secrets, newest first.
    package func list(before: SecretID?, limit: Int, for principal: Principal) async throws(EngineError) -> [SecretRecord] {
        try await ask { () async throws(StoreError) in try await store.secrets(tenant: principal.tenant, before: before, limit: limit) }
    }

    package func count(for principal: Principal) async throws(EngineError) -> Int {
        try await ask { () async throws(StoreError) in try await store.secretCount(tenant: principal.tenant) }
    }

    /// Removes a secret.
    ///
    /// - Returns: `false` if there was none.
    package func delete(_ idOrName: String, for principal: Principal) async throws(EngineError) -> Bool {
        guard let record = try await find(idOrName, for: principal) else { return false }
        return try await ask { () async throws(StoreError) in try await store.deleteSecret(record.id) }
    }

    /// The value of a secret, for what the gateway does with it itself.
    package func value(of record: SecretRecord) throws(EngineError) -> String {
        do {
            let box = try AES.GCM.SealedBox(combined: record.sealed)
            let bytes = try AES.GCM.open(box, using: key, authenticating: SecretVault.context(record.id, record.tenant))
            return String(decoding: bytes, as: UTF8.self)
        } catch {
            throw EngineError(.internal, "secret \(record.id) can't be opened")
        }
    }

    private func seal(_ value: String, _ id: SecretID, _ tenant: TenantID) throws(EngineError) -> [UInt8] {
        do {
            let box = try AES.GCM.seal(Array(value.utf8), using: key, authenticating: SecretVault.context(id, tenant))
            // Absent only for nonces of another length.
            if let combined = box.combined { return Array(combined) }
        } catch {}
        throw EngineError(.internal, "the secret could not be sealed")
    }

    private static func context(_ id: SecretID, _ tenant: TenantID) -> [UInt8] { Array("\(tenant) \(id)".utf8) }

    private func ask<Value>(_ body: () async throws(StoreError) -> Value) async throws(EngineError) -> Value {
        do throws(StoreError) { return try await body() } catch { throw EngineError(error) }
    }
}
