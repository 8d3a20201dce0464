package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// Values that tenants have put away.
package protocol SecretStore: Sendable {
    /// Keeps a new secret.
    ///
    /// - Returns: `false`, with nothing written, if the tenant has one of this name.
    func insert(_ secret: SecretRecord) async throws(StoreError) -> Bool

    /// The tenant's secret of this id or, where that is no id of one, of this name.
    func secret(_ idOrName: String, tenant: TenantID) async throws(StoreError) -> SecretRecord?

    /// The tenant's secrets, newest first.
    func secrets(tenant: TenantID, before: SecretID?, limit: Int) async throws(StoreError) -> [SecretRecord]

    func secretCount(tenant: TenantID) async throws(StoreError) -> Int

    /// Replaces a secret's value, and its metadata unless that is `nil`; its version becomes one more.
    ///
    /// - Returns: the secret as it is now; `nil` if there is none.
    func replace(
        _ id: SecretID, sealed: [UInt8], metadata: [String: String]?, at date: Date
    ) async throws(StoreError) -> SecretRecord?

    /// Removes a secret.
    ///
    /// - Returns: `false` if there was none.
    func deleteSecret(_ id: SecretID) async throws(StoreError) -> Bool
}

/// Files that outlive sandboxes.
package protocol VolumeStore: Sendable {
    /// Keeps a new volume.
    ///
    /// - Returns: `false`, with nothing written, if the tenant has one of this name.
    func insert(_ volume: VolumeRecord) async throws(StoreError) -> Bool

    func volume(_ id: VolumeID) async throws(StoreError) -> VolumeRecord?

    /// The tenant's volumes, newest first.
    func volumes(tenant: TenantID) async throws(StoreError) -> [VolumeRecord]

    /// Removes a volume.
    ///
    /// - Returns: `false` if there was none.
    func deleteVolume(_ id: VolumeID) async throws(StoreError) -> Bool
}
