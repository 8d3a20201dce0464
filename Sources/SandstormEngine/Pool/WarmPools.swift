import Logging
import SandstormCore

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

    private struct State {
        /// Ready ones, for each pool; the oldest first.
        var ready: [[Pooled]]
        /// Runs in the tags of sandboxes that are being made, wait, or were taken and live.
        var runs: Set<RunID> = []
        /// How often the provider of one that waits did not list it.
        var misses: [AttemptID: Int] = [:]
        var isClosed = false
    }

    private let pools: [WarmPool]
    private let shapes: [WarmPool.Shape]
    private let gateway: GatewayID
    private let providers: [any SandboxProvider]
    private let desk: RoutingDesk
    private let configuration: EngineConfiguration
    private let metrics: EngineMetrics
    private let logger: Logger
    private let state: Locked<State>
    private let changes = ChangeSignal()

    init(
        gateway: GatewayID, providers: [any SandboxProvider], _ configuration: EngineConfiguration, metrics: EngineMetrics, logger: Logger,
        desk: RoutingDesk
    ) {
        pools = configuration.warmPools
        shapes = pools.map { WarmPool.Shape($0.spec) }
        self.gateway = gateway
        self.providers = providers
        self.desk = desk
        self.configuration = configuration
        self.metrics = metrics
        self.logger = logger
        state = Locked(State(ready: pools.map { _ in [] }))
    }

    // MARK: Taking

    /// A ready sandbox that fits, if there is one. It is covered from the reaper until ``forget(_:)`` or ``discard(_:)``.
    func take(for spec: SandboxSpec, on offer: Offer) -> Pooled? {
        guard !pools.isEmpty else { return nil }
        let shape = WarmPool.Shape(spec)
        let matches = shapes.indices.filter { shapes[$0] == shape }
        guard !matches.isEmpty else { return nil }
        let taken = state.withLock { state -> Pooled? in
            for index in matches {
                guard let position = state.ready[index].firstIndex(where: { $0.offer == offer }) else { continue }
                return state.ready[index].remove(at: position)
            }
            return nil
        }
        if let taken { idled(taken) }
        metrics.askedPool(wasReady: taken != nil)
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

    private func showReady() { metrics.setPooled(state.withLock { $0.ready.reduce(0) { $0 + $1.count } }) }

    // MARK: Refilling

    /// Keeps the pools filled until the task is cancelled.
    func maintain() async {
        guard !pools.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            for index in pools.indices { group.addTask { await self.maintain(index) } }
        }
    }

    /// One sandbox at a time for each pool: a burst of creates would stand in the way of those that callers wait for.
    private func maintain(_ index: Int) async {
        var pause = WarmPools.firstPause
        while !Task.isCancelled {
            let version = changes.version
            await retire(index)
            guard state.withLock({ !$0.isClosed && $0.ready[index].count < pools[index].count }) else {
                await changes.wait(after: version, until: .now + min(pools[index].life / 10, .seconds(10)))
                continue
            }
            if await fill(index) {
                pause = WarmPools.firstPause
            } else {
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, WarmPools.longestPause)
            }
        }
    }

    /// Ends those whose life is nearly over.
    private func retire(_ index: Int) async {
        let end = ContinuousClock.now - pools[index].life * 9 / 10
        let old = state.withLock { state in
            defer { state.ready[index].removeAll { $0.made < end } }
            return state.ready[index].filter { $0.made < end }
        }
        for pooled in old {
            idled(pooled)
            await discard(pooled)
        }
        showReady()
    }

    /// Makes one more.
    private func fill(_ index: Int) async -> Bool {
        let spec = pools[index].bareSpec
        let route = desk.route(spec, Constraints(), for: nil)
        for place in route.places {
            let offer = route.offers[place]
            guard !Task.isCancelled, let provider = providers.first(where: { $0.id == offer.provider }) else { continue }
            let report = AttemptReport(desk, route, place: place)
            let tag = SandboxTag(gateway: gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
            state.withLock { _ = $0.runs.insert(tag.run) }
            let limit = configuration.createTimeout
            let late = ProviderError(.timedOut, "no sandbox within \(limit.display)", mayHaveTakenEffect: true)
            report.began()
            do throws(ProviderError) {
                let sandbox = try await within(limit, else: late) { () async throws(ProviderError) in
                    try await provider.create(spec, on: offer, tag: tag)
                }
                report.waits()
                let pooled = Pooled(sandbox: sandbox, provider: provider, offer: offer, tag: tag, report: report)
                let isKept = state.withLock { state in
                    if !state.isClosed { state.ready[index].append(pooled) }
                    return !state.isClosed
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
            for index in state.ready.indices {
                state.ready[index].removeAll { pooled in
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
            defer { state.ready = state.ready.map { _ in [] } }
            return state.ready.flatMap(\.self)
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
