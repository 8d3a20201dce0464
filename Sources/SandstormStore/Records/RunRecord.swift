package import SandstormCore

/// A run as it is kept.
package struct RunRecord: Sendable {
    /// What a run is.
    package enum Kind: String, CaseIterable, Hashable, Sendable {
        /// It carries out a program and ends with it.
        case program
        /// It is the life of a sandbox that callers start processes in.
        case sandbox
    }

    package var kind: Kind
    /// The run as callers see it. Lists leave out its outputs and its decision.
    package var result: RunResult
    package var tenant: TenantID
    package var project: ProjectID
    /// The key that asked; `nil` for a gateway without keys.
    package var key: APIKeyID?
    package var request: RunRequest
    /// A hash over what the caller asked, by which a repeated idempotency key is judged.
    package var fingerprint: [UInt8]
    /// The gateway process that works on it; another value means that its process is gone.
    package var owner: String

    package init(
        kind: Kind = .program, result: RunResult, tenant: TenantID, project: ProjectID, key: APIKeyID?, request: RunRequest,
        fingerprint: [UInt8], owner: String
    ) {
        self.kind = kind
        self.result = result
        self.tenant = tenant
        self.project = project
        self.key = key
        self.request = request
        self.fingerprint = fingerprint
        self.owner = owner
    }
}
