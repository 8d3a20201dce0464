package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A snapshot as it is kept.
package struct SnapshotRecord: Hashable, Sendable {
    package var info: SnapshotInfo
    package var tenant: TenantID
    package var project: ProjectID
    /// The provider's own name for it.
    package var providerSnapshot: String
    package var deletedAt: Date?

    package init(info: SnapshotInfo, tenant: TenantID, project: ProjectID, providerSnapshot: String, deletedAt: Date? = nil) {
        self.info = info
        self.tenant = tenant
        self.project = project
        self.providerSnapshot = providerSnapshot
        self.deletedAt = deletedAt
    }

    /// What the provider is told.
    package var kept: ProviderSnapshot { ProviderSnapshot(id: providerSnapshot, kind: info.kind) }
}
