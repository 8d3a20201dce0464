import Logging
import SandstormCore
import SandstormRouting

/// The gateway's one router: what is known of places, shared by runs, living sandboxes and warm pools.
///
/// The router is pure; here are its clock, the lock around it, and what it asks of providers.
final class RoutingDesk: Sendable {
    private let providers: [any SandboxProvider]
    private let settings: RoutingSettings
    private let clock: WallClock
    private let router: Locked<Router>
    /// Something was learned that is not kept yet.
    private let isDirty = Locked(false)
    /// Attempts that began and have not ended, and when the last one left a place.
    private let underWay = Locked((count: 0, left: Moment?.none))
    private let metrics: EngineMetrics
    private let logger: Logger
    /// Runs for which there is no place now.
    let room: WaitingRoom

    init(
        _ router: Router, providers: [any SandboxProvider], _ settings: RoutingSettings, metrics: EngineMetrics, logger: Logger,
        clock: WallClock = WallClock()
    ) {
        self.metrics = metrics
        self.logger = logger
        room = WaitingRoom(capacity: settings.queue.runs) { clock.now }
        self.providers = providers
        self.settings = settings
        self.clock = clock
        self.router = Locked(router)
    }

    var now: Moment { clock.now }

    // MARK: Deciding

    /// Ranks the places for a spec.
    ///
    /// - Parameters:
    ///   - snapshot: what the sandbox is to be made from; only its provider can.
    ///   - earlier: the number by which rules drew lots for this run before it waited.
    func route(
        _ spec: SandboxSpec, _ constraints: Constraints, for principal: Principal?, from snapshot: SnapshotInfo? = nil,
        again earlier: UInt64? = nil
    ) -> Route {
        let offers = providers.map { provider in
            let teardown = provider.capabilities.teardownTime
            if let snapshot, snapshot.provider != provider.id {
                return ProviderOffers(
                    provider: provider.id, offers: [], refusal: "snapshot \(snapshot.id) is kept at \(snapshot.provider)",
                    teardownTime: teardown)
            }
            return ProviderOffers(
                provider: provider.id, offers: provider.offers(for: spec), refusal: provider.refusal(of: spec), teardownTime: teardown)
        }
        var ruled = constraints
        if ruled.routing == nil { ruled.routing = settings.rule(for: principal?.project) }
        var request = RoutingRequest(
            spec, ruled, tenant: principal?.tenant.rawValue ?? "", project: principal?.project.rawValue ?? "")
        let number = earlier ?? UInt64.random(in: 0 ... .max)
        request.number = number
        let (asked, now) = (request, clock.now)
        let ranking = router.withLock { router in router.rank(asked, among: router.table(of: offers), at: now, again: earlier != nil) }
        // Its words are made outside the lock.
        return Route(ranking, for: asked) { [self] in route(spec, constraints, for: principal, from: snapshot, again: number) }
    }

    /// Where to go on after `failures`, in their order.
    func next(after failures: [(offer: Int, error: ProviderError)], on route: Route) -> Router.Next {
        guard let choice = route.choice else {
            guard failures.count == 1, failures[0].error.disposition == .sameOnceThenElsewhere else { return .nowhere }
            return .attempt(0, after: .milliseconds(Int.random(in: 20...120)))
        }
        let now = clock.now
        return router.withLock { $0.next(after: failures, of: choice.ranking, for: choice.request, at: now) }
    }

    /// Whether to ask a second place, now that nothing has started for so long.
    func hedge(on route: Route, tried: [Int], waited: Duration) -> HedgeStep {
        guard let choice = route.choice else { return .none }
        let now = clock.now
        return router.withLock { $0.hedge(choice.ranking, tried: tried, waited: waited, for: choice.request, at: now) }
    }

    /// Lines up a run for which there is no place now.
    ///
    /// - Throws: `tooBusy`, in words, if too many wait already.
    func lineUp(_ choice: Route.Choice, until deadline: ContinuousClock.Instant?) throws(EngineError) -> WaitingRoom.Seat {
        let patience = min(settings.queue.patience, deadline.map { ContinuousClock.now.duration(to: $0) } ?? .longest)
        do throws(FairQueue.Refusal) {
            let seat = try room.lineUp(choice.request.tenant, until: clock.now + patience, reroute: choice.again)
            metrics.queued(.waits)
            return seat
        } catch {
            metrics.queued(.refused)
            throw EngineError(.tooBusy, "\(error)")
        }
    }

    // MARK: Learning

    func began(_ place: Int, of choice: Route.Choice, at moment: Moment) {
        underWay.withLock { $0.count += 1 }
        tell { $0.began(place, of: choice.ranking.table, at: moment) }
    }

    func record(_ event: Observation.Event, at place: Int, of choice: Route.Choice, at moment: Moment) {
        let observation = Observation(offer: place, workload: choice.request.workload, event)
        tell { $0.record(observation, among: choice.ranking.table, at: moment) }
        isDirty.withLock { $0 = true }
        switch event {
        case .failed, .abandoned, .finished, .interrupted:
            let isLeaving = if case .failed = event { false } else { true }
            underWay.withLock { state in
                state.count -= 1
                if isLeaving { state.left = moment }
            }
            room.callNext()
        case .started: break
        }
    }

    /// Something of ours occupies places and will leave them, or has done so a moment ago.
    var isBusy: Bool {
        let now = clock.now
        return underWay.withLock { $0.count > 0 || $0.left.map { now - $0 < .seconds(10) } ?? false }
    }

    /// Tells the router something, and everybody else what it makes of it.
    private func tell(_ change: (inout Router) -> Void) {
        let (changes, ejections) = router.withLock { router in
            change(&router)
            return (router.takeBreakerChanges(), router.takeEjections())
        }
        for ejection in ejections {
            metrics.ejected(ejection.provider)
            logger.notice(
                "place left alone",
                metadata: ["provider.name": "\(ejection.provider)", "offer": "\(ejection.offer)", "cause": "\(ejection.cause)"])
        }
        for change in changes {
            metrics.breakerChanged(change.provider, to: change.change.to)
            logger.notice(
                "breaker changed",
                metadata: [
                    "provider.name": "\(change.provider)", "account": "\(change.account)", "region": "\(change.region ?? "")",
                    "breaker.from": "\(change.change.from.rawValue)", "breaker.to": "\(change.change.to.rawValue)",
                    "breaker.cause": "\(change.change.cause)",
                ])
        }
    }

    // MARK: Health

    /// Asks the providers that are left alone after failures whether they are well again.
    func probeResting() async {
        let resting = router.withLock { $0.openBreakers(at: clock.now) }
        let accounts = Dictionary(grouping: resting, by: \.provider).mapValues { Set($0.map(\.account)) }
        await withTaskGroup(of: Void.self) { group in
            for provider in providers {
                guard let accounts = accounts[provider.id] else { continue }
                group.addTask { [self] in await probe(provider, accounts) }
            }
        }
    }

    private func probe(_ provider: any SandboxProvider, _ accounts: Set<String>) async {
        let begun = clock.now
        let late = ProviderError(.timedOut, "no answer within 5 s")
        var isHealthy = false
        do throws(ProviderError) {
            isHealthy = try await within(.seconds(5), else: late) { () async throws(ProviderError) in try await provider.probe() }.isHealthy
        } catch {
            logger.debug("probe failed", metadata: ["provider.name": "\(provider.id)", "error": "\(error)"])
        }
        guard !Task.isCancelled else { return }
        let now = clock.now
        metrics.probed(provider.id, isHealthy: isHealthy)
        for account in accounts { tell { $0.probed(provider.id, account: account, healthy: isHealthy, begun: begun, at: now) } }
    }

    /// What was learned, if there is anything new since it was last asked for.
    func takeSnapshot() -> [UInt8]? {
        let isNew = isDirty.withLock { isDirty in
            defer { isDirty = false }
            return isDirty
        }
        guard isNew else { return nil }
        // A copy: writing it out takes longer than anybody should wait for a decision.
        return router.withLock { $0 }.snapshot()
    }

    /// What was taken could not be kept.
    func markDirty() { isDirty.withLock { $0 = true } }
}
