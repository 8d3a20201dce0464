import NIOCore
package import SandstormCore
package import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Living sandboxes: made, found again, renewed and ended on behalf of a tenant, each journaled and billed as a run of its own.
extension Engine {
    /// Routes, journals and makes a sandbox, and returns once processes can be started in it.
    ///
    /// - Returns: the sandbox, and whether it is new: an idempotency key may have led to one that was there.
    /// - Throws: ``EngineError``. A caller that goes away meanwhile has no sandbox: it is ended.
    package func createSandbox(
        _ request: SandboxRequest, by principal: Principal
    ) async throws(EngineError) -> (sandbox: SandboxInfo, isNew: Bool) {
        let fingerprint = try admit(request.spec, for: .sandbox, request.identity, request.idempotencyKey)
        if let key = request.idempotencyKey, let earlier = try await find(idempotencyKey: key, principal) {
            guard earlier.fingerprint == fingerprint else { throw conflict(earlier.result.id) }
            return (try await sandbox(joining: earlier.result.id, for: principal), false)
        }
        var origin = LivingSandbox.Origin.new
        var snapshot: SnapshotInfo?
        if let id = request.snapshot {
            let record = try await record(id, for: principal)
            snapshot = record.info
            origin = .snapshot(record.kept)
        }
        let route = try route(request.spec, request.constraints, for: principal, from: snapshot)
        var plan = SandboxPlan(spec: request.spec, constraints: request.constraints, route: route, origin: origin)
        plan.onLeaseEnd = request.onLeaseEnd
        plan.attributes = request.attributes
        plan.snapshot = request.snapshot
        plan.idempotencyKey = request.idempotencyKey
        plan.fingerprint = fingerprint
        return try await make(plan, by: principal)
    }

    /// What a sandbox that is to be made is like.
    private struct SandboxPlan {
        var spec: SandboxSpec
        var constraints: Constraints
        var route: Route
        var origin: LivingSandbox.Origin
        var snapshot: SnapshotID?
        var parent: SandboxID?
        var onLeaseEnd = LeaseEnd.kill
        var attributes: JSONObject = [:]
        var idempotencyKey: String?
        var fingerprint: [UInt8] = []
    }

    /// Journals and makes a sandbox, and waits until it runs.
    private func make(_ plan: SandboxPlan, by principal: Principal) async throws(EngineError) -> (sandbox: SandboxInfo, isNew: Bool) {
        let now = Date.thisMillisecond
        var spec = plan.spec
        // Written once and not kept.
        spec.files = []
        var result = RunResult(id: .generate(), state: .routed, createdAt: now)
        result.metadata = spec.metadata
        result.decision = plan.route.decision
        let request = RunRequest(
            spec: spec, constraints: plan.constraints, detached: true, idempotencyKey: plan.idempotencyKey)
        let run = RunRecord(
            kind: .sandbox, result: result, tenant: principal.tenant, project: principal.project, key: principal.key, request: request,
            fingerprint: plan.fingerprint, owner: ProcessIdentity.current.rawValue)
        var info = SandboxInfo(
            id: .generate(), run: result.id, state: .creating, spec: spec, createdAt: now,
            leaseUntil: now.addingTimeInterval(spec.timeout.inSeconds))
        info.snapshot = plan.snapshot
        info.parent = plan.parent
        info.onLeaseEnd = plan.onLeaseEnd
        info.attributes = plan.attributes
        let record = LivingSandboxRecord(info: info, tenant: principal.tenant, project: principal.project)
        let active = makeRun(run, plan.route)
        let living = LivingSandbox(
            record, run: active, origin: plan.origin, files: plan.spec.files, store: store, configuration, logger: logger)
        if let earlier = try await begin(active, living, record) {
            return (try await sandbox(joining: earlier, for: principal), false)
        }
        switch await living.waitUntilRunning() {
        case true: return (living.info, true)
        case false: throw whyNone(active)
        case nil:
            living.end(.killed)
            throw EngineError(.internal, "the caller went away")
        }
    }

    private func whyNone(_ run: ActiveRun) -> EngineError {
        let result = run.result
        var error = result.failure.map { EngineError($0) } ?? EngineError(.sandboxEnded, "the sandbox was ended while it was being made")
        error.decision = error.kind == .noOffer ? result.decision : nil
        return error
    }

    /// The sandbox that an idempotency key led to, once it runs or has ended.
    private func sandbox(joining run: RunID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        let record: LivingSandboxRecord?
        do throws(StoreError) { record = try await store.sandbox(of: run) } catch { throw EngineError(error) }
        guard let record, record.tenant == principal.tenant else { throw conflict(run) }
        if let living = state.withLock({ $0.sandboxes[record.info.id] }) { _ = await living.waitUntilRunning() }
        return try await sandbox(record.info.id, for: principal)
    }

    /// The sandbox as it stands; one that has ended too.
    package func sandbox(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        // Every request to one of its ports asks: while it lives here, the store need not be.
        if let living = state.withLock({ $0.sandboxes[id] }), living.tenant == principal.tenant, living.isUsable { return living.info }
        return current(try await record(id, for: principal))
    }

    /// What this process knows of a sandbox is newer than what the store has, until it has ended.
    private func current(_ record: LivingSandboxRecord) -> SandboxInfo {
        guard record.info.state != .ended, let living = state.withLock({ $0.sandboxes[record.info.id] }) else { return record.info }
        return living.info
    }

    /// The sandbox as it is kept, if it is the caller's. Another tenant's is as good as none.
    private func record(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> LivingSandboxRecord {
        let record: LivingSandboxRecord?
        do throws(StoreError) { record = try await store.sandbox(id) } catch { throw EngineError(error) }
        guard let record, record.tenant == principal.tenant else { throw EngineError(.notFound, "there is no sandbox \(id)") }
        return record
    }

    /// How many sandboxes of the caller's tenant a query asks for, on all its pages.
    package func sandboxCount(_ query: SandboxQuery, for principal: Principal) async throws(EngineError) -> Int {
        var query = query
        query.tenant = principal.tenant
        do throws(StoreError) { return try await store.sandboxCount(query) } catch { throw EngineError(error) }
    }

    /// On whose behalf a sandbox lives: that of whoever shows one of its tokens.
    ///
    /// - Throws: `notFound`; a sandbox that has ended has a holder.
    package func holder(of id: SandboxID) async throws(EngineError) -> Principal {
        if let run = state.withLock({ $0.sandboxes[id]?.run.record }) {
            return Principal(tenant: run.tenant, project: run.project, key: run.key)
        }
        let record: LivingSandboxRecord?
        do throws(StoreError) { record = try await store.sandbox(id) } catch { throw EngineError(error) }
        guard let record else { throw EngineError(.notFound, "there is no sandbox \(id)") }
        return Principal(tenant: record.tenant, project: record.project)
    }

    /// Replaces what a front end noted down about a sandbox under the names given, and forgets what is `null`; what is under other
    /// names stays.
    package func setAttributes(_ attributes: JSONObject, of id: SandboxID, for principal: Principal) async throws(EngineError) {
        let living = try await living(id, for: principal)
        try await living.turnstile.pass { () async throws(EngineError) in
            var all = living.info.attributes
            for member in attributes.members { all[member.key] = member.value == .null ? nil : member.value }
            try await living.set(all)
        }
    }

    /// Sandboxes of the caller's tenant, in the order that the query asks for.
    package func sandboxes(_ query: SandboxQuery, for principal: Principal) async throws(EngineError) -> [SandboxInfo] {
        var query = query
        query.tenant = principal.tenant
        do throws(StoreError) { return try await store.sandboxes(query).map { current($0) } } catch { throw EngineError(error) }
    }

    /// A sandbox that lives in this process's care.
    ///
    /// - Throws: `notFound`, also for another tenant's; `sandboxEnded`.
    func living(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> LivingSandbox {
        if let living = state.withLock({ $0.sandboxes[id] }), living.tenant == principal.tenant { return living }
        let record = try await record(id, for: principal)
        if record.info.state == .ended { throw EngineError(.sandboxEnded, "sandbox \(id) has ended") }
        throw EngineError(.conflict, "sandbox \(id) is in another process's care, or about to be taken over: try again")
    }

    /// Does something at a sandbox's provider, which must not take for ever.
    func ask<Value: Sendable>(
        _ living: LivingSandbox, _ body: @escaping @Sendable () async throws(ProviderError) -> Value
    ) async throws(EngineError) -> Value {
        try await living.ask(body)
    }

    /// Freezes every process; pausing what is paused succeeds. The lease goes on.
    package func pause(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        try await change(id, to: .paused, for: principal) { sandbox throws(ProviderError) in try await sandbox.pause() }
    }

    /// Lets frozen processes go on; resuming what runs succeeds.
    package func resume(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        try await change(id, to: .running, for: principal) { sandbox throws(ProviderError) in try await sandbox.resume() }
    }

    private func change(
        _ id: SandboxID, to state: SandboxState, for principal: Principal,
        _ body: @escaping @Sendable (any Sandbox) async throws(ProviderError) -> Void
    ) async throws(EngineError) -> SandboxInfo {
        let living = try await living(id, for: principal)
        return try await living.turnstile.pass { () async throws(EngineError) in
            let place = try living.place(evenPaused: true)
            guard place.provider.capabilities.pause else { throw unsupported("pause", place) }
            guard living.currentState != state else { return living.info }
            try await ask(living) { () async throws(ProviderError) in try await body(place.sandbox) }
            try await living.become(state)
            return living.info
        }
    }

    func unsupported(_ feature: String, _ place: LivingSandbox.Place) -> EngineError {
        EngineError(.unsupported, "\(place.provider.id) has no \(feature)")
    }

    /// Makes a second sandbox like this one, with its files, journaled and billed by itself.
    ///
    /// - Parameters:
    ///   - timeout: the new one's first lease; `nil` for as long as this one's was.
    ///   - metadata: the new one's labels; `nil` for this one's.
    ///   - attributes: what a front end notes down about the new one, in place of what it noted down about this one.
    package func fork(
        _ id: SandboxID, timeout: Duration?, metadata: [String: String]?, attributes: JSONObject = [:], for principal: Principal
    ) async throws(EngineError) -> SandboxInfo {
        let living = try await living(id, for: principal)
        let place = try living.place(evenPaused: true)
        guard place.provider.capabilities.fork else { throw unsupported("fork", place) }
        var spec = living.run.request.spec
        spec.network = living.info.spec.network
        if let timeout { spec.timeout = timeout }
        if let metadata { spec.metadata = metadata }
        do throws(InvalidRequest) { spec = try spec.validated(for: .sandbox) } catch { throw EngineError(error) }
        // A copy is made where the original is.
        var candidate = place.candidate
        candidate.reason = "fork of \(id)"
        let route = Route(fixed: candidate, objective: living.run.decision.objective)
        var plan = SandboxPlan(
            spec: spec, constraints: living.run.request.constraints, route: route, origin: .fork(of: place.sandbox))
        plan.parent = id
        plan.onLeaseEnd = living.info.onLeaseEnd
        plan.attributes = living.info.attributes
        for member in attributes.members { plan.attributes[member.key] = member.value }
        return try await make(plan, by: principal).sandbox
    }

    /// Ends a sandbox and everything in it, and waits until it is settled; for one that has ended, nothing happens.
    package func kill(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        let record = try await record(id, for: principal)
        if record.info.state == .ended { return record.info }
        let living: LivingSandbox
        do throws(EngineError) {
            living = try await self.living(id, for: principal)
        } catch {
            // It ended in this very moment.
            guard error.kind == .sandboxEnded else { throw error }
            return try await sandbox(id, for: principal)
        }
        living.end(.killed)
        guard let outcome = await living.run.waitForOutcome() else { throw EngineError(.internal, "the caller went away") }
        _ = try outcome.get()
        return try await sandbox(id, for: principal)
    }

    /// What the sandbox uses at this moment.
    package func usage(of id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxUsage {
        let living = try await living(id, for: principal)
        let place = try living.place(evenPaused: true)
        guard place.provider.capabilities.usage else { throw unsupported("usage", place) }
        return try await ask(living) { () async throws(ProviderError) in try await place.sandbox.usage() }
    }

    /// Changes what a sandbox that runs may reach; what it has open elsewhere is cut off too.
    ///
    /// - Throws: ``EngineError``: `unsupported` for what can't be enforced on it, with nothing changed.
    package func setNetwork(
        _ policy: NetworkPolicy, of id: SandboxID, for principal: Principal
    ) async throws(EngineError) -> SandboxInfo {
        let living = try await living(id, for: principal)
        return try await living.turnstile.pass { () async throws(EngineError) in
            let place = try living.place()
            guard living.info.spec.network != policy else { return living.info }
            guard place.provider.capabilities.networkChange else { throw unsupported("change of a sandbox's network", place) }
            try await ask(living) { () async throws(ProviderError) in try await place.sandbox.setNetwork(policy) }
            try await living.set(policy)
            return living.info
        }
    }

    /// Where a TCP port of the sandbox speaks HTTP.
    package func endpoint(of id: SandboxID, port: Int, for principal: Principal) async throws(EngineError) -> SandboxEndpoint {
        guard (1...65_535).contains(port) else {
            throw EngineError(InvalidRequest("", "\(port) is no port", remedy: "name a port from 1 to 65535"))
        }
        let living = try await living(id, for: principal)
        let place = try living.place()
        guard place.provider.capabilities.ports else { throw unsupported("ports", place) }
        return try await ask(living) { () async throws(ProviderError) in try await place.sandbox.endpoint(port: port) }
    }

    /// The files inside a sandbox that runs. What its calls throw, ``EngineError/init(_:)-(ProviderError)`` translates.
    ///
    /// - Parameter user: who handles them, by name or number; `nil` for the sandbox's usual user.
    package func files(
        of id: SandboxID, as user: String? = nil, for principal: Principal
    ) async throws(EngineError) -> any SandboxFiles {
        let living = try await living(id, for: principal)
        let place = try living.place()
        do throws(ProviderError) {
            return LivingFiles(files: try place.sandbox.files(as: user), sandbox: living)
        } catch {
            throw EngineError(error)
        }
    }
}
