import Crypto
package import Logging
package import SandstormCore
import SandstormRouting
package import SandstormStore
import ServiceLifecycle

/// Takes specs and brings runs from accepted to settled. Everything above the waist goes through here.
package final class Engine: Service {
    package let metrics = EngineMetrics()
    let providers: [any SandboxProvider]
    let providersByID: [ProviderID: any SandboxProvider]
    let store: any Store
    let configuration: EngineConfiguration
    let logger: Logger

    struct State {
        var active: [RunID: ActiveRun] = [:]
        /// Of the active runs, those that are the life of a sandbox.
        var sandboxes: [SandboxID: LivingSandbox] = [:]
        var isAccepting = true
        var hasRecovered = false
    }

    let state = Locked(State())
    let pools: WarmPools
    /// What places charge; `nil` for an engine that knows only what its providers say.
    package let livePrices: LivePrices?
    private let refreshingSources: [any PriceSource]
    let desk: RoutingDesk
    let tokenKey: SymmetricKey

    /// An engine over `providers`, in the order of `sandstorm providers`.
    ///
    /// - Parameters:
    ///   - prices: the price book.
    ///   - priceSources: who is asked for prices while the engine runs.
    ///   - learned: what ``learned(in:)`` gave, so that decisions are as good as before a restart.
    package init(
        providers: [any SandboxProvider], store: any Store, configuration: EngineConfiguration = EngineConfiguration(),
        prices: LivePrices? = nil, refreshedBy priceSources: [any PriceSource] = [], learned: [UInt8]? = nil, logger: Logger
    ) {
        livePrices = prices
        self.refreshingSources = priceSources
        self.providers = providers
        providersByID = Dictionary(providers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        self.store = store
        self.configuration = configuration
        self.logger = logger
        tokenKey = store.secret.key(for: "sandbox tokens")
        let learned = learned.map { KeptLearning($0) }
        let desk = RoutingDesk(
            Engine.router(restoring: learned?.router, configuration, logger), providers: providers, configuration.routing, metrics: metrics,
            logger: logger)
        self.desk = desk
        pools = WarmPools(
            gateway: store.gateway, providers: providers, configuration, metrics: metrics, logger: logger, desk: desk)
        if let shapes = learned?.pools { pools.restore(shapes) }
    }

    // MARK: Life

    /// Recovers, then reaps on a timer until told to stop, then drains.
    package func run() async throws {
        await recover()
        await cancelWhenGracefulShutdown {
            async let pools: Void = self.pools.maintain()
            async let prices: Void = self.refreshPrices()
            async let learning: Void = self.keepLearning()
            async let health: Void = self.watchHealth()
            while !Task.isCancelled {
                await self.reaper.reap()
                try? await Task.sleep(for: self.configuration.reapInterval)
            }
            await pools
            await prices
            await learning
            await health
        }
        await shutDown()
    }

    private func refreshPrices() async {
        guard let livePrices else { return }
        await PriceRefresher(prices: livePrices, sources: refreshingSources, metrics: metrics, logger: logger).run()
    }

    /// Takes on or settles what an earlier process left open.
    package func recover() async {
        await reaper.recover()
        state.withLock { $0.hasRecovered = true }
    }

    /// Takes no more runs, lets those under way finish for a while, ends the rest, and waits until all are settled.
    ///
    /// Living sandboxes don't end by themselves, so that nobody waits for them: where their provider allows it they are left to the
    /// next process, else they are ended and settled.
    package func shutDown() async {
        state.withLock { $0.isAccepting = false }
        await shielded { [pools] in await pools.close() }
        let end = ContinuousClock.now + configuration.drainTime
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(until: end) }
            group.addTask { [self] in
                for run in activeRuns where run.record.kind == .program { _ = await run.waitForOutcome() }
            }
            await group.next()
            group.cancelAll()
        }
        for sandbox in state.withLock({ Array($0.sandboxes.values) }) {
            let isLeft = configuration.adoptsSandboxes && (try? sandbox.place(evenPaused: true))?.provider.capabilities.reattach == true
            sandbox.end(isLeft ? .left : .failed(RunFailure(.gatewayStopped, "the gateway was stopped")))
        }
        // The drain may have been cut short by cancellation: nothing is left running in any case.
        for run in activeRuns where run.record.kind == .program { run.cancel(.gatewayStopped) }
        let rest = activeRuns
        await shielded {
            for run in rest {
                _ = await run.waitForOutcome()
                run.leaveUnsettled()
                await run.waitForWork()
            }
            await self.keepLearned()
        }
    }

    private var activeRuns: [ActiveRun] { state.withLock { Array($0.active.values) } }

    private var reaper: Reaper {
        Reaper(
            providers: providers, store: store, metrics: metrics, logger: logger, outputLimit: configuration.resultOutputLimit,
            isActive: { [self] id in state.withLock { $0.active[id] != nil } || pools.covers(id) },
            adopt: { [self] run throws(StoreError) in try await adopt(run) },
            sawList: { [self] provider, names, asked in
                pools.wereListed(by: provider, names, asked: asked)
                for sandbox in state.withLock({ Array($0.sandboxes.values) }) {
                    guard let name = sandbox.providerSandbox else { continue }
                    sandbox.wasListed(by: provider, names.contains(name), asked: asked)
                }
            })
    }

    // MARK: Beginning

    /// A run that nobody works on yet.
    ///
    /// - Parameters:
    ///   - arrived: when it was asked for.
    ///   - sequence: the last event that an earlier process has kept.
    func makeRun(
        _ record: RunRecord, _ route: Route, arrived: ContinuousClock.Instant = .now, after sequence: Int = 0
    ) -> ActiveRun {
        let waits = WaitClock(since: arrived)
        let log = RunLog(
            run: record.result.id, store: store, windowLimit: configuration.windowLimit,
            retainedLimit: configuration.retainedOutputLimit, waits: waits, logger: logger, after: sequence)
        return ActiveRun(
            record: record, route: route, log: log, waits: waits, arrived: arrived, reconnectTime: configuration.reconnectTime)
    }

    /// Registers, journals and starts a run.
    ///
    /// - Parameter sandbox: with a run that is the life of a sandbox.
    /// - Returns: the earlier run that its idempotency key led to, with nothing started; `nil` for a new one.
    func begin(
        _ run: ActiveRun, _ living: LivingSandbox? = nil, _ sandbox: LivingSandboxRecord? = nil
    ) async throws(EngineError) -> RunID? {
        if run.route.first == nil, let choice = run.route.choice { run.seat = try desk.lineUp(choice, until: run.startDeadline) }
        // Registered before it is journaled, so that a shutdown or a reaper in between sees it.
        do throws(EngineError) { try register(run, living) } catch {
            if let seat = run.seat { desk.room.leave(seat) }
            throw error
        }
        let execution = execution(of: run, living)
        let first = execution.firstAttempt
        var record = run.record
        if first != nil { record.result.state = .creating }
        let refusal: Result<RunID, EngineError>
        do throws(StoreError) {
            let acceptance = try await run.waits.journaling { () async throws(StoreError) in
                try await store.accept(record, sandbox, first?.record)
            }
            switch acceptance {
            case .accepted:
                await run.log.append(.accepted(run.id))
                await run.log.append(.decision(run.decision))
                start(execution, first)
                return nil
            case .existing(let earlier): refusal = .success(earlier.result.id)
            case .conflict(let earlier): refusal = .failure(conflict(earlier))
            }
        } catch {
            refusal = .failure(EngineError(error))
        }
        _ = await first?.abandon()
        if let seat = run.seat { desk.room.leave(seat) }
        unregister(run.id)
        return try refusal.get()
    }

    func execution(of run: ActiveRun, _ living: LivingSandbox?) -> RunExecution {
        RunExecution(
            run, living, providers: providersByID, store: store, configuration: configuration, metrics: metrics, pools: pools,
            desk: desk, logger: logger)
    }

    /// Starts the work on a journaled run.
    func start(_ execution: RunExecution, _ first: Attempt? = nil) {
        execution.run.start { [self] in
            await execution.carryOut(first)
            unregister(execution.run.id)
        }
    }

    func register(_ run: ActiveRun, _ living: LivingSandbox?) throws(EngineError) {
        let refusal = state.withLock { state -> EngineError? in
            guard state.isAccepting else { return EngineError(.shuttingDown, "the gateway is stopping") }
            guard state.active.count < configuration.maximumActiveRuns else {
                return EngineError(.tooBusy, "\(state.active.count) runs are under way already")
            }
            state.active[run.id] = run
            if let living { state.sandboxes[living.id] = living }
            return nil
        }
        countActive()
        if let refusal { throw refusal }
    }

    func unregister(_ id: RunID) {
        let run = state.withLock { state in
            if state.active[id]?.record.kind == .sandbox, let sandbox = state.sandboxes.first(where: { $0.value.run.id == id }) {
                state.sandboxes[sandbox.key] = nil
            }
            return state.active.removeValue(forKey: id)
        }
        countActive()
        // Whoever waits for a run that was never started must not wait for ever.
        run?.finish(.failure(EngineError(.internal, "the run was not started")))
    }

    private func countActive() {
        let (runs, sandboxes) = state.withLock { ($0.active.count - $0.sandboxes.count, $0.sandboxes.count) }
        metrics.setActive(runs: runs, sandboxes: sandboxes)
    }
}
