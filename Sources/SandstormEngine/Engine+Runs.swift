import Crypto
package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Runs: submitted, followed, found again and ended on behalf of a tenant.
extension Engine {
    /// Admits, routes and journals a run, and starts it.
    ///
    /// - Parameter sequence: the events of the handle begin after this one.
    /// - Throws: ``EngineError``, with nothing journaled and nothing started.
    package func submit(_ request: RunRequest, by principal: Principal, after sequence: Int = 0) async throws(EngineError) -> RunHandle {
        let arrived = ContinuousClock.now
        let fingerprint = try admit(request)
        if let key = request.idempotencyKey, let earlier = try await find(idempotencyKey: key, principal) {
            guard earlier.fingerprint == fingerprint else { throw conflict(earlier.result.id) }
            return try await handle(joining: earlier.result.id, after: sequence, for: principal)
        }
        let route = try route(request.spec, request.constraints, for: principal)
        var result = RunResult(id: .generate(), state: .routed, createdAt: Date())
        result.metadata = request.spec.metadata
        result.decision = route.decision
        let record = RunRecord(
            result: result, tenant: principal.tenant, project: principal.project, key: principal.key, request: request,
            fingerprint: fingerprint, owner: ProcessIdentity.current.rawValue)
        let run = makeRun(record, route, arrived: arrived)
        if let earlier = try await begin(run) {
            return try await handle(joining: earlier, after: sequence, for: principal)
        }
        return handle(RunAttachment(run), isNew: true, after: sequence)
    }

    /// What the request is, for judging a repeated idempotency key.
    private func admit(_ request: RunRequest) throws(EngineError) -> [UInt8] {
        try admit(request.spec, for: .run, request.json, request.idempotencyKey)
    }

    /// Checks what every request has in common.
    ///
    /// - Returns: what the request is, for judging a repeated idempotency key; nothing without one.
    func admit(
        _ spec: SandboxSpec, for purpose: SandboxSpec.Purpose, _ json: JSONValue, _ idempotencyKey: String?
    ) throws(EngineError) -> [UInt8] {
        do throws(InvalidRequest) {
            let spec = try spec.validated(at: "/spec", for: purpose)
            if let secret = spec.secrets.first {
                throw InvalidRequest("/spec/secrets", "no secret \"\(secret)\" is stored here", remedy: "pass the value in environment")
            }
        } catch {
            throw EngineError(error)
        }
        if let key = idempotencyKey, key.isEmpty || key.utf8.count > 255 {
            throw EngineError(InvalidRequest("", "the idempotency key is empty or longer than 255 bytes", remedy: "send 1 to 255 bytes"))
        }
        guard idempotencyKey != nil else { return [] }
        let subject = purpose == .sandbox ? Array("sandbox ".utf8) : []
        return Array(SHA256.hash(data: subject + json.canonicalBytes))
    }

    func conflict(_ id: RunID) -> EngineError {
        EngineError(.idempotencyConflict, "the idempotency key was used for another request, which became \(id)")
    }

    func find(idempotencyKey key: String, _ principal: Principal) async throws(EngineError) -> RunRecord? {
        do throws(StoreError) { return try await store.run(idempotencyKey: key, tenant: principal.tenant) } catch {
            throw EngineError(error)
        }
    }

    private func handle(joining id: RunID, after sequence: Int, for principal: Principal) async throws(EngineError) -> RunHandle {
        if let run = state.withLock({ $0.active[id] }) { return handle(RunAttachment(run), isNew: false, after: sequence) }
        let events = try await events(of: id, after: sequence, following: true, for: principal)
        return RunHandle(id: id, isNew: false, events: events) { [self] () async throws(EngineError) in try await run(id, for: principal) }
    }

    private func handle(_ attachment: RunAttachment, isNew: Bool, after sequence: Int) -> RunHandle {
        let run = attachment.run
        // Made before the run can get ahead of it; a caller that waits for the result only gives it up.
        let reader = Locked<RunLogReader?>(run.log.reader(after: sequence, paces: true, follows: true))
        let events = RunEvents { () async throws(EngineError) in
            _ = attachment
            return try await reader.withLock { $0 }?.next()
        }
        return RunHandle(id: run.id, isNew: isNew, events: events, overhead: { run.overhead }) { () async throws(EngineError) in
            reader.withLock { $0 = nil }
            guard let outcome = await attachment.run.waitForOutcome() else { throw EngineError(.internal, "the caller went away") }
            return try outcome.get()
        }
    }

    /// Where a request would run, without running it.
    package func decide(_ request: RunRequest, by principal: Principal) async throws(EngineError) -> Decision {
        _ = try admit(request)
        return desk.route(request.spec, request.constraints, for: principal).decision
    }

    /// Every offer of every provider, in their order.
    func allOffers(for spec: SandboxSpec) -> [Offer] { providers.flatMap { $0.offers(for: spec) } }

    /// Where a run may go.
    ///
    /// - Parameter snapshot: what its sandbox is to be made from.
    /// - Throws: `noOffer` if there is no such place, nor may there be one soon.
    func route(
        _ spec: SandboxSpec, _ constraints: Constraints, for principal: Principal, from snapshot: SnapshotInfo? = nil
    ) throws(EngineError) -> Route {
        let route = desk.route(spec, constraints, for: principal, from: snapshot)
        if let ranking = route.choice?.ranking { metrics.routed(ranking) }
        guard route.first != nil || route.isWorthWaiting else {
            let fit = NearestFit(spec: spec, constraints: constraints) { [self] in
                providersByID[$0]?.capabilities.teardownTime ?? .seconds(1)
            }
            throw EngineError(.noOffer, fit.explanation(of: route.decision), decision: route.decision)
        }
        return route
    }

    /// A run as it stands.
    package func run(_ id: RunID, for principal: Principal) async throws(EngineError) -> RunResult {
        if let run = state.withLock({ $0.active[id] }), run.record.tenant == principal.tenant { return run.result }
        return try await record(id, for: principal).result
    }

    /// Runs of the caller's tenant, newest first.
    package func runs(_ query: RunQuery, for principal: Principal) async throws(EngineError) -> [RunResult] {
        var query = query
        query.tenant = principal.tenant
        // A list is the store's: it is first told of the states that it does not have yet.
        await withTaskGroup(of: Void.self) { group in
            for run in state.withLock({ Array($0.active.values) }) where run.record.tenant == principal.tenant && run.log.hasUnwrittenState
            {
                group.addTask { await run.log.writeState() }
            }
        }
        do throws(StoreError) { return try await store.runs(query).map(\.result) } catch { throw EngineError(error) }
    }

    /// The events of a run after one of them.
    ///
    /// - Parameter following: wait for events to come while the run is under way; it then counts as listened to, so that a client
    ///   that was cut off can come back here.
    package func events(
        of id: RunID, after sequence: Int, following: Bool, for principal: Principal
    ) async throws(EngineError) -> RunEvents {
        if let run = state.withLock({ $0.active[id] }), run.record.tenant == principal.tenant {
            let reader = run.log.reader(after: sequence, paces: false, follows: following)
            let attachment = following ? RunAttachment(run) : nil
            return RunEvents { () async throws(EngineError) in
                _ = attachment
                return try await reader.next()
            }
        }
        _ = try await record(id, for: principal)
        // Nothing writes to a run that is not under way: its log is what the store has.
        let pages = StoredEvents(run: id, store: store, after: sequence)
        return RunEvents { () async throws(EngineError) in try await pages.next() }
    }

    /// Ends a run and waits until it is settled; for one that is settled, nothing happens.
    package func cancel(_ id: RunID, for principal: Principal) async throws(EngineError) -> RunResult {
        if let run = state.withLock({ $0.active[id] }), run.record.tenant == principal.tenant {
            if let sandbox = state.withLock({ $0.sandboxes.values.first { $0.run.id == id } }) {
                sandbox.end(.killed)
            } else {
                run.cancel(.cancelled)
            }
            guard let outcome = await run.waitForOutcome() else { throw EngineError(.internal, "the caller went away") }
            return try outcome.get()
        }
        return try await record(id, for: principal).result
    }

    /// The run, if it is the caller's. Another tenant's is as good as none.
    private func record(_ id: RunID, for principal: Principal) async throws(EngineError) -> RunRecord {
        let record: RunRecord?
        do throws(StoreError) { record = try await store.run(id) } catch { throw EngineError(error) }
        guard let record, record.tenant == principal.tenant else { throw EngineError(.notFound, "there is no run \(id)") }
        return record
    }
}
