package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// What must outlive the process: runs, attempts, charges, logs, leases and API keys.
///
/// Every call that writes returns once its change is durable: it survives the loss of the process and of power. Writes that
/// arrive together share one commit. Each call is one transaction: all of it happened or none. Cancelling the task that called
/// changes nothing: what was asked still happens, and the call returns when it has.
package protocol Store: TemplateStore, SecretStore, VolumeStore {
    /// The identity of this data directory or database, made on first use.
    var gateway: GatewayID { get }

    /// What only this data directory or database knows, made on first use.
    var secret: GatewaySecret { get }

    // MARK: Runs

    /// Journals a run before anything happens, unless its idempotency key is known.
    ///
    /// - Parameters:
    ///   - run: with its decision.
    ///   - sandbox: the living sandbox whose life the run is.
    ///   - attempt: the intent of its first attempt, which would otherwise cost another commit.
    /// - Returns: `accepted`; `existing` if the tenant used the key for the same fingerprint within 24 hours, with nothing
    ///   written; `conflict` if the tenant used it for another.
    func accept(_ run: RunRecord, _ sandbox: LivingSandboxRecord?, _ attempt: AttemptRecord?) async throws(StoreError) -> Acceptance

    /// Finds the run for which a tenant used an idempotency key within the last 24 hours.
    func run(idempotencyKey: String, tenant: TenantID) async throws(StoreError) -> RunRecord?

    /// The run with its outputs.
    func run(_ id: RunID) async throws(StoreError) -> RunRecord?

    /// Runs without their outputs, newest first.
    func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord]

    /// Runs that are not settled, oldest first, without their outputs.
    func unsettledRuns() async throws(StoreError) -> [RunRecord]

    /// Writes what has happened to a run that goes on.
    func save(_ progress: RunProgress, of run: RunID) async throws(StoreError)

    /// Writes a run's final state, the charges of its attempts and its last events, exactly once.
    ///
    /// - Returns: `false`, with nothing written, if the run was settled before.
    func settle(_ result: RunResult, attempts: [AttemptRecord], events: [RunEvent]) async throws(StoreError) -> Bool

    // MARK: Attempts

    /// The attempts of a run in their order.
    func attempts(of run: RunID) async throws(StoreError) -> [AttemptRecord]

    /// Attempts whose sandbox may still exist, with the end of their leases.
    func openAttempts() async throws(StoreError) -> [AttemptRecord]

    // MARK: Living sandboxes

    /// Writes where a sandbox is, its state, and the end of its lease.
    ///
    /// That it has ended is written by settling its run, with the final cost, in one transaction. Its attributes have a call of their own.
    ///
    /// - Parameter attemptUntil: the new end of its open attempts' leases, if that changes too.
    /// - Returns: `false`, with nothing written, if it has ended.
    func save(_ sandbox: LivingSandboxRecord, attemptUntil: Date?) async throws(StoreError) -> Bool

    /// Replaces what front ends noted down about a sandbox.
    ///
    /// - Returns: `false`, with nothing written, if it has ended.
    func set(_ attributes: JSONObject, of sandbox: SandboxID) async throws(StoreError) -> Bool

    /// Sets the end of a sandbox's lease, and that of its open attempts, together.
    ///
    /// - Returns: `false`, with nothing written, if it has ended.
    func renew(_ sandbox: SandboxID, until lease: Date, attemptUntil: Date) async throws(StoreError) -> Bool

    func sandbox(_ id: SandboxID) async throws(StoreError) -> LivingSandboxRecord?

    /// The sandbox whose life this run is.
    func sandbox(of run: RunID) async throws(StoreError) -> LivingSandboxRecord?

    /// Sandboxes in the order that the query asks for.
    func sandboxes(_ query: SandboxQuery) async throws(StoreError) -> [LivingSandboxRecord]

    /// How many sandboxes there are of those that the query asks for, on all its pages.
    func sandboxCount(_ query: SandboxQuery) async throws(StoreError) -> Int

    /// When a tenant's sandboxes were asked for and ended, of those that lived at any time of a stretch, oldest first.
    func sandboxLives(tenant: TenantID, from start: Date, to end: Date) async throws(StoreError) -> [SandboxLife]

    /// Hands a run that is not settled from one process to another.
    ///
    /// - Returns: `false`, with nothing written, if it does not belong to `owner` any more.
    func hand(_ run: RunID, from owner: String, to newOwner: String) async throws(StoreError) -> Bool

    // MARK: Snapshots

    /// Keeps what is known of a new snapshot.
    func insert(_ snapshot: SnapshotRecord) async throws(StoreError)

    /// The snapshot, unless it was deleted.
    func snapshot(_ id: SnapshotID) async throws(StoreError) -> SnapshotRecord?

    /// Snapshots that were not deleted, newest first.
    func snapshots(_ query: SnapshotQuery) async throws(StoreError) -> [SnapshotRecord]

    /// Notes that a snapshot is gone.
    ///
    /// - Returns: `false` if there is none, or it was deleted before.
    func deleteSnapshot(_ id: SnapshotID, at date: Date) async throws(StoreError) -> Bool

    // MARK: Events

    /// Kept events with a sequence number above `sequence`, in order, at most `limit`.
    ///
    /// The last event of a settled run is above all numbers but its own: a reader may have seen events that a crash took from the log,
    /// and is told of the end all the same.
    func events(of run: RunID, after sequence: Int, limit: Int) async throws(StoreError) -> [RunEvent]

    // MARK: API keys

    /// Keeps a new key; only its hash is stored.
    func insert(_ key: APIKeyRecord) async throws(StoreError)

    /// The key with this hash, if it is not revoked.
    func key(hash: [UInt8]) async throws(StoreError) -> APIKeyRecord?

    /// All keys, newest first, revoked ones included.
    func keys() async throws(StoreError) -> [APIKeyRecord]

    /// Revokes a key.
    ///
    /// - Returns: `false` if there is no such key.
    func revokeKey(_ id: APIKeyID, at date: Date) async throws(StoreError) -> Bool

    // MARK: Prices

    /// Adds changes of prices to those kept, which nothing takes back or alters.
    ///
    /// - Parameter feed: the document that brought them.
    /// - Returns: `false`, with nothing written, if that document is not newer than the last one of the same key.
    func keep(_ changes: [PriceChangeRecord], of feed: PriceFeedRecord?) async throws(StoreError) -> Bool

    /// All changes of prices, in the order in which they were kept.
    func priceChanges() async throws(StoreError) -> [PriceChangeRecord]

    /// The last document that was accepted of a key.
    func priceFeed(key: String) async throws(StoreError) -> PriceFeedRecord?

    // MARK: Routing

    /// What routing had learned when it was last kept; `nil` if it never was.
    func routingState() async throws(StoreError) -> [UInt8]?

    /// Keeps what routing has learned, in the place of what was kept before.
    func keep(routingState: [UInt8], at date: Date) async throws(StoreError)

    // MARK: Life cycle

    /// Writes a row and reads it back; what `/readyz` asks.
    func ping() async throws(StoreError)

    /// Waits for the writes under way and closes the files.
    func close() async
}

extension Store {
    package func accept(_ run: RunRecord) async throws(StoreError) -> Acceptance { try await accept(run, nil, nil) }

    package func accept(_ run: RunRecord, _ sandbox: LivingSandboxRecord) async throws(StoreError) -> Acceptance {
        try await accept(run, sandbox, nil)
    }

    package func save(_ sandbox: LivingSandboxRecord) async throws(StoreError) -> Bool { try await save(sandbox, attemptUntil: nil) }

    package func settle(_ result: RunResult, attempts: [AttemptRecord]) async throws(StoreError) -> Bool {
        try await settle(result, attempts: attempts, events: [])
    }

    /// Journals the intent of an attempt before the provider hears of it; replaces what was known of the attempt.
    package func save(_ attempt: AttemptRecord) async throws(StoreError) {
        try await save(RunProgress(attempt: attempt), of: attempt.run)
    }

    /// Moves a run to a state that is not final.
    package func setState(_ state: RunState, of run: RunID) async throws(StoreError) { try await save(RunProgress(state: state), of: run) }

    /// Keeps events of a run.
    package func append(_ events: [RunEvent], to run: RunID) async throws(StoreError) {
        try await save(RunProgress(events: events), of: run)
    }
}

/// What became of a run that asked to be journaled.
package enum Acceptance: Sendable {
    case accepted
    case existing(RunRecord)
    case conflict(RunID)
}

/// Which runs to list.
package struct RunQuery: Hashable, Sendable {
    package var tenant: TenantID?
    package var states: Set<RunState> = []
    /// What kinds of run; the lives of sandboxes only if they are asked for.
    package var kinds: Set<RunRecord.Kind> = [.program]
    /// Only runs older than this one: the last of the page before.
    package var before: RunID?
    package var limit = 50

    package init() {}
}
