/// A kind of place that can run sandboxes: the narrow waist between everything above and every cloud below.
///
/// An adapter translates these calls to one dialect and nothing else: it neither retries, nor routes, nor bills. Every call
/// must end when its task is cancelled, and must then leave nothing behind that ``sandboxes(taggedBy:)`` does not list.
public protocol SandboxProvider: Sendable {
    /// The name that users write: `local`, `e2b`.
    var id: ProviderID { get }

    /// What the place can honour, as far as that is known without asking it.
    var capabilities: ProviderCapabilities { get }

    /// The priced ways to run `spec` here; empty if there is none. From memory, without I/O.
    func offers(for spec: SandboxSpec) -> [Offer]

    /// Why there is no way to run `spec` here, in words for a user; `nil` if there is one. From memory, without I/O.
    func refusal(of spec: SandboxSpec) -> String?

    /// Makes a sandbox that is ready to start commands.
    ///
    /// - Parameter tag: kept with the sandbox at the provider, so that an orphan can be recognised.
    /// - Throws: ``ProviderError``; its `mayHaveTakenEffect` says whether a sandbox may exist all the same.
    func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox

    /// Makes a sandbox with the files (and, of a memory snapshot, the processes) that a snapshot kept.
    ///
    /// - Throws: ``ProviderError``; `invalid` if there is no such snapshot, else as ``create(_:on:tag:)``.
    func create(
        _ spec: SandboxSpec, from snapshot: ProviderSnapshot, on offer: Offer, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox

    /// Removes a snapshot; sandboxes made from it live on. Idempotent: deleting what is gone succeeds.
    func delete(_ snapshot: ProviderSnapshot) async throws(ProviderError)

    /// Kills a sandbox by its name, also one that can't be attached to any more; one that is gone counts as killed.
    func destroy(_ id: ProviderSandboxID) async throws(ProviderError)

    /// Finds a living sandbox again.
    ///
    /// - Throws: ``ProviderError`` with `notFound` if it is gone, or can't be used any more.
    func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox

    /// Lists what `gateway` has made here and what still exists; for the reaper.
    func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord]

    /// Asks whether the place is well, as cheaply as it can be asked.
    func probe() async throws(ProviderError) -> ProviderStatus

    /// Asks the place for its own price list, where it has a call for that; empty where it has none.
    ///
    /// Asked now and then, never for a run. What it tells covers published prices of the same product, and is kept with its time.
    func rates() async throws(ProviderError) -> [ProviderRate]
}

extension SandboxProvider {
    /// What the capabilities say.
    public func refusal(of spec: SandboxSpec) -> String? { capabilities.refusal(of: spec) }

    /// None.
    public func rates() async throws(ProviderError) -> [ProviderRate] { [] }

    /// Throws `unsupported`, for places without snapshots.
    public func create(
        _ spec: SandboxSpec, from snapshot: ProviderSnapshot, on offer: Offer, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox { throw .unsupported("snapshot") }

    /// Throws `unsupported`, for places without snapshots.
    public func delete(_ snapshot: ProviderSnapshot) async throws(ProviderError) { throw .unsupported("snapshot") }

    /// Attaches and kills.
    public func destroy(_ id: ProviderSandboxID) async throws(ProviderError) {
        let sandbox: any Sandbox
        do throws(ProviderError) {
            sandbox = try await attach(id)
        } catch {
            if error.code == .notFound { return }
            throw error
        }
        try await sandbox.kill()
    }
}

/// What the gateway writes on a sandbox, to know it again.
public struct SandboxTag: Hashable, Sendable {
    /// Who may end it as an orphan.
    public var gateway: GatewayID
    /// The run that it was made for.
    public var run: RunID
    /// The try that it was made in; tells it from other sandboxes of the same run.
    public var attempt: AttemptID
    /// Sandstorm's own name for it, chosen before the provider is asked.
    public var sandbox: SandboxID

    /// All four are known before the provider is asked.
    public init(gateway: GatewayID, run: RunID, attempt: AttemptID, sandbox: SandboxID) {
        self.gateway = gateway
        self.run = run
        self.attempt = attempt
        self.sandbox = sandbox
    }
}
