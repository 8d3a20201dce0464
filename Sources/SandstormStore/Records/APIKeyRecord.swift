package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// An API key as it is kept: without its secret.
package struct APIKeyRecord: Hashable, Sendable {
    package var id: APIKeyID
    package var tenant: TenantID
    package var project: ProjectID
    /// The operator's name for it.
    package var name: String
    /// SHA-256 of the secret; the secret is 256 random bits, so that no slow hash is needed.
    package var hash: [UInt8]
    package var createdAt: Date
    package var revokedAt: Date?

    package init(id: APIKeyID, tenant: TenantID, project: ProjectID, name: String, hash: [UInt8], createdAt: Date, revokedAt: Date? = nil) {
        self.id = id
        self.tenant = tenant
        self.project = project
        self.name = name
        self.hash = hash
        self.createdAt = createdAt
        self.revokedAt = revokedAt
    }
}
