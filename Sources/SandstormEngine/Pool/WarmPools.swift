import Logging
import SandstormCore
import SandstormRouting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Keeps sandboxes ready for requests that they fit, so that those wait for nothing.
///
/// A pooled sandbox is nobody's: it is not journaled, its idle time is the gateway's own expense, and after a crash the reaper finds
/// it without an attempt and ends it. Whoever takes it journals an attempt under its tag before anything happens in it.
final class WarmPools: Sendable {
    /// A sandbox that is ready.
    struct Pooled: Sendable {
        let sandbox: any Sandbox
        let provider: any SandboxProvider
        let offer: Offer
        let tag: SandboxTag
        /// What routing hears of it until somebody has it.
        let report: AttemptReport
        let made = ContinuousClock.now
    }

    private static let firstPause = Duration.seconds(1)
    private static let longestPause = Duration.seconds(60)

    /// One pool, or room for one that is yet to be learned.
    struct Entry: Sendable {
        /// How many of what; `nil` where there is only room.
        var pool: WarmPool?
        var shape: WarmPool.Shape?
        /// Of a pool whose size is planned: what it is planned by.
        var demand: PoolDemand?
        /// The oldest first.
        var ready: [Pooled] = []
        /// Those that are to be ended, since there are more than are to be kept.
        var surplus: [Pooled] = []
        /// How many are being made.
        var making = 0
        /// What those of a planned pool cost for an hour that are being ended, in nano-dollars.
        var ending: Int64 = 0

        /// The place that a planned pool is for; any that fits is right for the others.
        func accepts(_ offer: Offer) -> Bool { demand?.offer.isSamePlace(as: offer) ?? true }
    }

    struct State: Sendable {
        /// Those of the configuration first, then room for those that are learned.
        var entries: [Entry]
        /// Runs in the tags of sandboxes that are being made, wait, or were taken and live.
        var runs: Set<RunID> = []
        /// How often the provider of one that waits did not list it.
        var misses: [AttemptID: Int] = [:]
        var nextDemand: UInt64 = 1
        var isClosed = false

        var readyCount: Int { entries.reduce(0) { $0 + $1.ready.count } }
    }

    private let isEmpty: Bool
    private let gateway: GatewayID
    private let providers: [any SandboxProvider]
    private let desk: RoutingDesk
    let configuration: EngineConfiguration
    let metrics: EngineMetrics
    private let logger: Logger
    let state: Locked<State>
    let changes = ChangeSignal()

    init(
        gateway: GatewayID, providers: [any SandboxProvider], _ configuration: EngineConfiguration, metrics: EngineMetrics, logger: Logger,
        desk: RoutingDesk
    ) {
        self.gateway = gateway
        self.providers = providers
        self.desk = desk
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        let room = Array(repeating: Entry(), count: max(0, configuration.automaticPools?.maximumShapes ?? 0))
        state = Locked(
            State(entries: configuration.warmPools.map { Entry(pool: $0, shape: WarmPool.Shape($0.spec)) } + room))
        isEmpty = configuration.warmPools.isEmpty && room.isEmpty
    }

    // MARK: Taking

    /// A ready sandbox that fits, if there is one. It is covered from the reaper until ``forget(_:)`` or ``discard(_:)``.
    func take(for spec: SandboxSpec, on offer: Offer) -> Pooled? {
        guard !isEmpty else { return nil }
        let shape = WarmPool.Shape(spec)
        let now = moment
        let (taken, isAwaited) = state.withLock { state -> (Pooled?, Bool) in
            var isAwaited = false
            var taken: Pooled?
            for index in state.entries.indices where state.entries[index].shape == shape && state.entries[index].accepts(offer) {
                isAwaited = isAwaited || (state.entries[index].pool?.count ?? 0) > 0
                guard taken == nil, let position = state.entries[index].ready.firstIndex(where: { $0.offer == offer }) else { continue }
                taken = state.entries[index].ready.remove(at: position)
            }
            state.learn(of: spec, shape, on: offer, configuration, at: now)
            return (taken, isAwaited)
        }
        if let taken { idled(taken) }
        if isAwaited || taken != nil { metrics.askedPool(wasReady: taken != nil) }
        guard isAwaited || taken != nil else { return nil }
        showReady()
        if taken != nil { changes.raise() }
        return taken
    }

    /// It is gone, or an attempt's lease covers it.
    func forget(_ pooled: Pooled) { state.withLock { _ = $0.runs.remove(pooled.tag.run) } }

    /// Ends one that nobody is to have.
    func discard(_ pooled: Pooled) async {
        pooled.report.abandoned()
        await shielded { [self] in
            do throws(ProviderError) {
                try await pooled.sandbox.kill()
            } catch {
                // Without an attempt that covers it, the reaper ends it.
                logger.warning("pooled sandbox not ended", metadata: ["sandbox.id": "\(pooled.sandbox.id)", "error": "\(error)"])
            }
            forget(pooled)
        }
    }

    /// The tag of a pooled sandbox names this run.
    func covers(_ run: RunID) -> Bool { state.withLock { $0.runs.contains(run) } }

    private func idled(_ pooled: Pooled) {
        let cost = pooled.offer.price.cost(of: pooled.offer.resources, for: pooled.made.duration(to: .now)) ?? .zero
        metrics.idled(cost - pooled.offer.price.perCreate)
    }

    private func showReady() { metrics.setPooled(state.withLock { $0.readyCount }) }

    /// By which patterns are learned.
    var moment: Moment { configuration.automaticPools?.clock?() ?? desk.now }

    // MARK: Refilling

    /// Keeps the pools filled until the task is cancelled.
    func maintain() async {
        guard !isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for index in state.withLock({ $0.entries.indices }) { group.addTask { await self.maintain(index) } }
            if let automatic = configuration.automaticPools { group.addTask { await self.plan(automatic) } }
        }
    }

    private func maintain(_ index: Int) async {
        var pause = WarmPools.firstPause
        while !Task.isCancelled {
            let version = changes.version
            await retire(index)
            guard let order = state.withLock({ $0.order(index, budget: configuration.automaticPools?.budget) }) else {
                let life = state.withLock { $0.entries[index].pool?.life } ?? .seconds(100)
                await changes.wait(after: version, until: .now + min(life / 10, .seconds(10)))
                continue
            }
            if await fill(index, order) {
                pause = WarmPools.firstPause
            } else {
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, WarmPools.longestPause)
            }
        }
    }

    /// Ends those whose life is nearly over, and those that are too many.
    private func retire(_ index: Int) async {
        let (old, idle) = state.withLock { $0.retire(index) }
        guard !old.isEmpty else { return }
        showReady()
        for pooled in old {
            idled(pooled)
            await discard(pooled)
        }
        state.withLock { $0.entries[index].ending -= idle }
        // Others may have waited for what they cost.
        changes.raise()
    }

    /// What is to be made.
    struct Order: Sendable {
        let pool: WarmPool
        let demand: UInt64?
        let offer: Offer?
        let count: Int
    }

    /// - Returns: whether all were made.
    private func fill(_ index: Int, _ order: Order) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<order.count {
                group.addTask {
                    let isMade = await self.make(order, for: index)
                    self.state.withLock { $0.entries[index].making -= 1 }
                    return isMade
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    /// Makes one more.
    private func make(_ order: Order, for index: Int) async -> Bool {
        let spec = order.pool.bareSpec
        let route = desk.route(spec, Constraints(), for: nil)
        for place in route.places {
            let offer = route.offers[place]
            guard order.offer?.isSamePlace(as: offer) ?? true else { continue }
            guard !Task.isCancelled, let provider = providers.first(where: { $0.id == offer.provider }) else { continue }
            let report = AttemptReport(desk, route, place: place)
            let tag = SandboxTag(gateway: gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
            state.withLock { _ = $0.runs.insert(tag.run) }
            let limit = configuration.createTimeout
            let late = ProviderError(.timedOut, "no sandbox within \(limit.display)", mayHaveTakenEffect: true)
            let begun = ContinuousClock.now
            report.began()
            do throws(ProviderError) {
                let sandbox = try await within(limit, else: late) { () async throws(ProviderError) in
                    try await provider.create(spec, on: offer, tag: tag)
                }
                report.waits()
                let time = begun.duration(to: .now)
                let pooled = Pooled(sandbox: sandbox, provider: provider, offer: offer, tag: tag, report: report)
                let isKept = state.withLock { state in
                    // Meanwhile the room may have been given to another shape.
                    guard !state.isClosed, state.entries[index].demand?.id == order.demand else { return false }
                    state.entries[index].ready.append(pooled)
                    state.entries[index].demand?.started(after: time)
                    return true
                }
                showReady()
                if !isKept { await discard(pooled) }
                return isKept
            } catch {
                if Task.isCancelled { report.abandoned() } else { report.failed(error) }
                // One that was made all the same is nobody's: the reaper finds it by its tag.
                state.withLock { _ = $0.runs.remove(tag.run) }
                logger.info("pool not refilled", metadata: ["provider.name": "\(provider.id)", "error": "\(error)"])
            }
        }
        return false
    }

    /// A provider has listed what exists; what is not among it twice is replaced.
    ///
    /// - Parameter asked: when the list was asked for.
    func wereListed(by provider: ProviderID, _ names: Set<ProviderSandboxID>, asked: ContinuousClock.Instant) {
        let lost = state.withLock { state -> Int in
            var lost = 0
            for index in state.entries.indices {
                state.entries[index].ready.removeAll { pooled in
                    guard pooled.provider.id == provider, pooled.made < asked else { return false }
                    let misses = names.contains(pooled.sandbox.id) ? 0 : (state.misses[pooled.tag.attempt] ?? 0) + 1
                    state.misses[pooled.tag.attempt] = misses == 0 || misses >= 2 ? nil : misses
                    guard misses >= 2 else { return false }
                    state.runs.remove(pooled.tag.run)
                    lost += 1
                    return true
                }
            }
            return lost
        }
        guard lost > 0 else { return }
        showReady()
        changes.raise()
    }

    // MARK: End

    /// Ends all that wait; none is made afterwards.
    func close() async {
        let rest = state.withLock { state in
            state.isClosed = true
            let rest = state.entries.flatMap { $0.ready + $0.surplus }
            for index in state.entries.indices { (state.entries[index].ready, state.entries[index].surplus) = ([], []) }
            return rest
        }
        changes.raise()
        await withTaskGroup(of: Void.self) { group in
            for pooled in rest {
                idled(pooled)
                group.addTask { await self.discard(pooled) }
            }
        }
        showReady()
    }
}
