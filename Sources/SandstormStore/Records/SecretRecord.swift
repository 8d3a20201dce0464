package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A value that a tenant has put away, as it is kept: sealed.
package struct SecretRecord: Hashable, Sendable {
    package var id: SecretID
    package var tenant: TenantID
    package var project: ProjectID
    /// The tenant has one secret of a name.
    package var name: String
    /// How often a value was put away under the name.
    package var version: Int
    /// The value, encrypted and signed with a key that only the gateway has.
    package var sealed: [UInt8]
    package var metadata: [String: String]
    package var createdAt: Date
    package var updatedAt: Date

    package init(
        id: SecretID, tenant: TenantID, project: ProjectID, name: String, version: Int = 1, sealed: [UInt8], metadata: [String: String],
        createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.tenant = tenant
        self.project = project
        self.name = name
        self.version = version
        self.sealed = sealed
        self.metadata = metadata
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}
