import Crypto
package import Logging
package import SandstormCore
import SandstormRouting
package import SandstormStore
import ServiceLifecycle

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Takes specs and brings runs from accepted to settled. Everything above the waist goes through here.
package final class Engine: Service {
    package let metrics = EngineMetrics()
    private let providers: [any SandboxProvider]
    private let store: any Store
    private let configuration: EngineConfiguration
    private let logger: Logger
    private let router = OfferRouter()

    private struct State {
        var active: [RunID: ActiveRun] = [:]
        var isAccepting = true
        var hasRecovered = false
    }

    private let state = Locked(State())

    /// An engine over `providers`, in the order of `sandstorm providers`.
    package init(
        providers: [any SandboxProvider], store: any Store, configuration: EngineConfiguration = EngineConfiguration(), logger: Logger
    ) {
        self.providers = providers
        self.store = store
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: Life

    /// Recovers, then reaps on a timer until told to stop, then drains.
    package func run() async throws {
        await recover()
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                await self.reaper.reap()
                try? await Task.sleep(for: self.configuration.reapInterval)
            }
        }
        await shutDown()
    }

    /// Settles what an earlier process left open.
    package func recover() async {
        await reaper.recover()
        state.withLock { $0.hasRecovered = true }
    }

    /// Takes no more runs, lets those under way finish for a while, ends the rest, and waits until all are settled.
    package func shutDown() async {
        state.withLock { $0.isAccepting = false }
        let end = ContinuousClock.now + configuration.drainTime
        await withTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                try? await Task.sleep(until: end)
                if !Task.isCancelled { cancelAll() }
            }
            group.addTask { [self] in
                for run in activeRuns { _ = await run.waitForOutcome() }
            }
            await group.next()
            group.cancelAll()
        }
        // The drain may have been cut short by cancellation: nothing is left running in any case.
        cancelAll()
        let rest = activeRuns
        await shielded { for run in rest { _ = await run.waitForOutcome() } }
    }

    private func cancelAll() { for run in activeRuns { run.cancel(.gatewayStopped) } }
    private var activeRuns: [ActiveRun] { state.withLock { Array($0.active.values) } }

    private var reaper: Reaper {
        Reaper(
            providers: providers, store: store, metrics: metrics, logger: logger, outputLimit: configuration.resultOutputLimit
        ) { [self] id in
            state.withLock { $0.active[id] != nil }
        }
    }

    // MARK: Runs

    /// Admits, routes and journals a run, and starts it.
    ///
    /// - Parameter sequence: the events of the handle begin after this one.
    /// - Throws: ``EngineError``, with nothing journaled and nothing started.
    package func submit(_ request: RunRequest, by principal: Principal, after sequence: Int = 0) async throws(EngineError) -> RunHandle {
        let fingerprint = try admit(request)
        if let key = request.idempotencyKey, let earlier = try await find(idempotencyKey: key, principal) {
            guard earlier.fingerprint == fingerprint else { throw conflict(earlier.result.id) }
            return try await handle(joining: earlier.result.id, after: sequence, for: principal)
        }
        let decision = decide(request)
        guard !decision.ranking.isEmpty else { throw EngineError(.noOffer, decision.explanationOfNone, decision: decision) }
        var result = RunResult(id: .generate(), state: .routed, createdAt: Date())
        result.metadata = request.spec.metadata
        result.decision = decision
        let record = RunRecord(
            result: result, tenant: principal.tenant, project: principal.project, key: principal.key, request: request,
            fingerprint: fingerprint, owner: ProcessIdentity.current.rawValue)
        return try await start(record, decision, after: sequence, principal)
    }

    private func start(
        _ record: RunRecord, _ decision: Decision, after sequence: Int, _ principal: Principal
    ) async throws(EngineError) -> RunHandle {
        let id = record.result.id
        let log = RunLog(
            run: id, store: store, windowLimit: configuration.windowLimit, retainedLimit: configuration.retainedOutputLimit)
        let run = ActiveRun(record: record, decision: decision, log: log, reconnectTime: configuration.reconnectTime)
        // Registered before it is journaled, so that a shutdown or a reaper in between sees it.
        try register(run)
        // Shielded: a caller that goes away now must not leave a journaled run that nobody works on.
        let acceptance = await shielded { [store] () -> Result<Acceptance, StoreError> in
            do throws(StoreError) { return .success(try await store.accept(record)) } catch { return .failure(error) }
        }
        switch acceptance {
        case .success(.accepted): break
        case .success(.existing(let earlier)):
            unregister(id)
            return try await handle(joining: earlier.result.id, after: sequence, for: principal)
        case .success(.conflict(let earlier)):
            unregister(id)
            throw conflict(earlier)
        case .failure(let error):
            unregister(id)
            throw EngineError(error)
        }
        await log.append(.accepted(id))
        await log.append(.decision(decision))
        let attachment = RunAttachment(run)
        let execution = RunExecution(
            run: run, providers: Dictionary(providers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }), store: store,
            configuration: configuration, metrics: metrics, logger: logger)
        run.start { [self] in
            await execution.carryOut()
            unregister(id)
        }
        return handle(attachment, isNew: true, after: sequence)
    }

    private func register(_ run: ActiveRun) throws(EngineError) {
        let (refusal, count) = state.withLock { state -> (EngineError?, Int) in
            guard state.isAccepting else { return (EngineError(.shuttingDown, "the gateway is stopping"), state.active.count) }
            guard state.active.count < configuration.maximumActiveRuns else {
                return (EngineError(.tooBusy, "\(state.active.count) runs are under way already"), state.active.count)
            }
            state.active[run.id] = run
            return (nil, state.active.count)
        }
        metrics.setActive(count)
        if let refusal { throw refusal }
    }

    private func unregister(_ id: RunID) {
        let (run, count) = state.withLock { ($0.active.removeValue(forKey: id), $0.active.count) }
        metrics.setActive(count)
        // Whoever waits for a run that was never started must not wait for ever.
        run?.finish(.failure(EngineError(.internal, "the run was not started")))
    }

    /// What the request is, for judging a repeated idempotency key.
    private func admit(_ request: RunRequest) throws(EngineError) -> [UInt8] {
        do throws(InvalidRequest) {
            let spec = try request.spec.validated(at: "/spec")
            if let secret = spec.secrets.first {
                throw InvalidRequest("/spec/secrets", "no secret \"\(secret)\" is stored here", remedy: "pass the value in environment")
            }
        } catch {
            throw EngineError(error)
        }
        if let key = request.idempotencyKey, key.isEmpty || key.utf8.count > 255 {
            throw EngineError(InvalidRequest("", "the idempotency key is empty or longer than 255 bytes", remedy: "send 1 to 255 bytes"))
        }
        return Array(SHA256.hash(data: request.json.canonicalBytes))
    }

    private func conflict(_ id: RunID) -> EngineError {
        EngineError(.idempotencyConflict, "the idempotency key was used for another request, which became \(id)")
    }

    private func find(idempotencyKey key: String, _ principal: Principal) async throws(EngineError) -> RunRecord? {
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
        return RunHandle(id: run.id, isNew: isNew, events: events) { () async throws(EngineError) in
            reader.withLock { $0 = nil }
            guard let outcome = await attachment.run.waitForOutcome() else { throw EngineError(.internal, "the caller went away") }
            return try outcome.get()
        }
    }

    /// Where a request would run, without running it.
    package func decide(_ request: RunRequest, by principal: Principal) async throws(EngineError) -> Decision {
        _ = try admit(request)
        return decide(request)
    }

    private func decide(_ request: RunRequest) -> Decision {
        let offers = providers.map { provider in
            OfferRouter.ProviderOffers(
                provider: provider.id, offers: provider.offers(for: request.spec),
                refusal: provider.refusal(of: request.spec), teardownTime: provider.capabilities.teardownTime)
        }
        return router.decide(request.spec, request.constraints, among: offers)
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
            run.cancel(.cancelled)
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

    // MARK: Operators

    /// Every provider and how it is.
    package func providers() async -> [ProviderReport] {
        await withTaskGroup(of: (Int, ProviderReport).self) { group in
            for (index, provider) in providers.enumerated() {
                group.addTask {
                    let late = ProviderError(.timedOut, "no answer within 5 s")
                    let status: ProviderStatus
                    do throws(ProviderError) {
                        status = try await within(.seconds(5), else: late) { () async throws(ProviderError) in try await provider.probe() }
                    } catch {
                        status = ProviderStatus(isHealthy: false, detail: error.description)
                    }
                    return (index, ProviderReport(id: provider.id, status: status, capabilities: provider.capabilities))
                }
            }
            var reports: [(Int, ProviderReport)] = []
            for await report in group { reports.append(report) }
            return reports.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }

    /// Whether the gateway is as it should be, with nothing left open by an earlier process, and if not, why.
    package func readiness() async -> (isReady: Bool, detail: String) {
        let (isAccepting, hasRecovered) = state.withLock { ($0.isAccepting, $0.hasRecovered) }
        guard isAccepting else { return (false, "the gateway is stopping") }
        guard hasRecovered else { return (false, "runs of an earlier process are being settled") }
        do throws(StoreError) { try await store.ping() } catch { return (false, error.description) }
        return (true, "ready")
    }
}
