package import SandstormCore

/// On whose behalf something is done.
package struct Principal: Hashable, Sendable {
    package var tenant: TenantID
    package var project: ProjectID
    /// The key that was shown; `nil` where none is needed.
    package var key: APIKeyID?

    package init(tenant: TenantID, project: ProjectID, key: APIKeyID? = nil) {
        self.tenant = tenant
        self.project = project
        self.key = key
    }

    /// Whoever owns this machine: the one tenant of a gateway without keys and of the embedded engine.
    package static let local = Principal(
        // Both texts have an identifier's form, which a test proves.
        tenant: TenantID("ten_00000000000000000000000000").unsafelyUnwrapped,
        project: ProjectID("prj_00000000000000000000000000").unsafelyUnwrapped)
}
