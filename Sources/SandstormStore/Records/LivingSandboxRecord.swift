package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A living sandbox as it is kept.
package struct LivingSandboxRecord: Hashable, Sendable {
    /// The sandbox as callers see it, but for what it costs so far: a cost is kept once it is final.
    package var info: SandboxInfo
    package var tenant: TenantID
    package var project: ProjectID
    /// The provider's name for it, once it gave one.
    package var providerSandbox: ProviderSandboxID?

    package init(info: SandboxInfo, tenant: TenantID, project: ProjectID, providerSandbox: ProviderSandboxID? = nil) {
        self.info = info
        self.tenant = tenant
        self.project = project
        self.providerSandbox = providerSandbox
    }
}

/// From when to when a sandbox lived.
package struct SandboxLife: Hashable, Sendable {
    package var createdAt: Date
    /// `nil` while it lives.
    package var endedAt: Date?

    package init(createdAt: Date, endedAt: Date?) {
        self.createdAt = createdAt
        self.endedAt = endedAt
    }
}
