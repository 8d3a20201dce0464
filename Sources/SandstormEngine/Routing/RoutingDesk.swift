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

    init(_ router: Router, providers: [any SandboxProvider], _ settings: RoutingSettings, clock: WallClock = WallClock()) {
        self.providers = providers
        self.settings = settings
        self.clock = clock
        self.router = Locked(router)
    }

    var now: Moment { clock.now }

    // MARK: Deciding

    /// Ranks the places for a spec.
    ///
    /// - Parameter snapshot: what the sandbox is to be made from; only its provider can.
    func route(_ spec: SandboxSpec, _ constraints: Constraints, for principal: Principal?, from snapshot: SnapshotInfo? = nil) -> Route {
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
        var constraints = constraints
        if constraints.routing == nil { constraints.routing = settings.rule(for: principal?.project) }
        let request = RoutingRequest(
            spec, constraints, tenant: principal?.tenant.rawValue ?? "", project: principal?.project.rawValue ?? "")
        let now = clock.now
        var ranking = router.withLock { router in router.rank(request, among: router.table(of: offers), at: now) }
        if !settings.hedging { ranking.hedge = nil }
        // Its words are made outside the lock.
        return Route(ranking, for: request)
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

    /// A second place to ask, now that the first is late; `nil` if there is to be none.
    func takeHedge(on route: Route) -> Int? {
        guard let choice = route.choice else { return nil }
        let now = clock.now
        return router.withLock { $0.takeHedge(choice.ranking, for: choice.request, at: now) }
    }

    // MARK: Learning

    func began(_ place: Int, of choice: Route.Choice, at moment: Moment) {
        router.withLock { $0.began(place, of: choice.ranking.table, at: moment) }
    }

    func record(_ event: Observation.Event, at place: Int, of choice: Route.Choice, at moment: Moment) {
        let observation = Observation(offer: place, workload: choice.request.workload, event)
        router.withLock { $0.record(observation, among: choice.ranking.table, at: moment) }
        isDirty.withLock { $0 = true }
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
