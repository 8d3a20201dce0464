package import SandstormCore

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
