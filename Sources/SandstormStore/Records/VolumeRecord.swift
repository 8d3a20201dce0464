package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A volume as it is kept.
package struct VolumeRecord: Hashable, Sendable {
    package var id: VolumeID
    package var tenant: TenantID
    package var project: ProjectID
    /// The tenant has one volume of a name.
    package var name: String
    package var createdAt: Date

    package init(id: VolumeID, tenant: TenantID, project: ProjectID, name: String, createdAt: Date) {
        self.id = id
        self.tenant = tenant
        self.project = project
        self.name = name
        self.createdAt = createdAt
    }
}
