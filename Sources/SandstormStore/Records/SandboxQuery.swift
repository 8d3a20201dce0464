package import SandstormCore

/// Which living sandboxes to list.
package struct SandboxQuery: Hashable, Sendable {
    package var tenant: TenantID?
    /// All states if empty.
    package var states: Set<SandboxState> = []
    /// Labels that a sandbox must have, each with this value.
    package var metadata: [String: String] = [:]
    /// Only sandboxes older than this one: the last of the page before.
    package var before: SandboxID?
    package var limit = 50

    package init() {}
}

/// Which snapshots to list.
package struct SnapshotQuery: Hashable, Sendable {
    package var tenant: TenantID?
    /// Only those of this sandbox.
    package var sandbox: SandboxID?
    /// Only snapshots older than this one: the last of the page before.
    package var before: SnapshotID?
    package var limit = 50

    package init() {}
}
