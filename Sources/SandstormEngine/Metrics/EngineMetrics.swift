import SandstormCore
import SandstormRouting
import SandstormStore

/// Counts of what the engine did, in the names of the metrics that operators see.
package final class EngineMetrics: Sendable {
    private struct State {
        var settled: [RunState: Int] = [:]
        var failures: [RunFailure.Kind: Int] = [:]
        var attemptFailures: [ProviderID: [ProviderError.Code: Int]] = [:]
        var hedges: [Hedge: Int] = [:]
        var retries = 0
        /// What became of offers that runs were routed among.
        var offers = [Int](repeating: 0, count: DropReason.allCases.count)
        var refusals = 0
        var queue: [Queueing: Int] = [:]
        var waited = Duration.zero
        var breakers: [ProviderID: [String: Int]] = [:]
        var ejections: [ProviderID: Int] = [:]
        var probes: [ProviderID: (well: Int, unwell: Int)] = [:]
        var reaped: [ProviderID: Int] = [:]
        var cost: [ProviderID: Int64] = [:]
        /// By source and result.
        var priceRefreshes: [[String]: Int] = [:]
        var active = 0
        var living = 0
        var ended: [String: Int] = [:]
        var own = Histogram()
        var journal = Histogram()
        var pooled = 0
        var poolHits = 0
        var poolMisses = 0
        /// In nano-dollars.
        var poolIdle: Int64 = 0
        var poolPlan: PoolPlan?
    }

    /// Times of the gateway's own doing.
    private struct Histogram {
        private static let bounds = [0.0002, 0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 1]
        /// Those that were at most so many seconds, by the bounds' indices; the last is for the rest.
        private var counts = [Int](repeating: 0, count: Histogram.bounds.count + 1)
        private var sum = Duration.zero

        mutating func add(_ time: Duration) {
            let seconds = time.inSeconds
            counts[Histogram.bounds.firstIndex { seconds <= $0 } ?? Histogram.bounds.count] += 1
            sum += time
        }

        func write(to text: inout PrometheusText, _ name: String, _ help: String) {
            text.metric(name, "histogram", help)
            var count = 0
            for (index, bucket) in counts.enumerated() {
                count += bucket
                let bound = index < Histogram.bounds.count ? "\(Histogram.bounds[index])" : "+Inf"
                text.sample("\(name)_bucket", ["le": bound], "\(count)")
            }
            text.sample("\(name)_sum", [:], "\(sum.inSeconds)")
            text.sample("\(name)_count", [:], "\(count)")
        }
    }

    private let state = Locked(State())

    init() {}

    /// - Parameter overhead: what the gateway added to the run's time; `nil` if nobody measured it.
    func settled(_ result: RunResult, _ kind: RunRecord.Kind, overhead: RunOverhead? = nil) {
        state.withLock { state in
            if result.provider != .none { state.cost[result.provider, default: 0] &+= result.cost.nanodollars }
            guard kind == .program else {
                state.ended[result.failure?.kind.rawValue ?? "killed", default: 0] += 1
                return
            }
            state.settled[result.state, default: 0] += 1
            if let failure = result.failure { state.failures[failure.kind, default: 0] += 1 }
            guard let overhead else { return }
            state.own.add(overhead.own)
            state.journal.add(overhead.journal)
        }
    }

    func attemptFailed(_ provider: ProviderID, _ code: ProviderError.Code) {
        state.withLock { $0.attemptFailures[provider, default: [:]][code, default: 0] += 1 }
    }

    /// What came of a place that was late.
    enum Hedge: String, CaseIterable, Sendable {
        /// A second place was to be asked.
        case asked
        /// There was one, it was paid for, and there were not too many of them.
        case granted
        /// It was ready before the first.
        case won
    }

    /// What becomes of runs for which every place is full.
    enum Queueing: String, CaseIterable, Sendable {
        /// Taken in.
        case waits
        /// Too many waited already.
        case refused
        /// A place was found.
        case served
        /// It waited for as long as it might.
        case expired
        /// Its caller went away.
        case left
    }

    func queued(_ step: Queueing, after wait: Duration = .zero) {
        state.withLock { state in
            state.queue[step, default: 0] += 1
            state.waited += wait
        }
    }

    /// A run was routed.
    func routed(_ ranking: Ranking) {
        state.withLock { state in
            for drop in ranking.drops { state.offers[Int(drop.rawValue)] += 1 }
            state.refusals += ranking.table.refusals.count
        }
    }

    func retried() { state.withLock { $0.retries += 1 } }

    func breakerChanged(_ provider: ProviderID, to state: CircuitBreaker.State) {
        self.state.withLock { $0.breakers[provider, default: [:]][state.rawValue, default: 0] += 1 }
    }

    func ejected(_ provider: ProviderID) { state.withLock { $0.ejections[provider, default: 0] += 1 } }

    func probed(_ provider: ProviderID, isHealthy: Bool) {
        state.withLock { state in
            if isHealthy { state.probes[provider, default: (0, 0)].well += 1 } else { state.probes[provider, default: (0, 0)].unwell += 1 }
        }
    }

    func hedged(_ step: Hedge) { state.withLock { $0.hedges[step, default: 0] += 1 } }

    func reaped(_ provider: ProviderID) { state.withLock { $0.reaped[provider, default: 0] += 1 } }
    /// How many sandboxes of learned shapes are to wait.
    struct PoolPlan: Sendable {
        var shapes: Int
        var sandboxes: Int
        var idlePerHour: Money
        var budget: Money
    }

    func planned(_ plan: PoolPlan) { state.withLock { $0.poolPlan = plan } }
    func setPooled(_ count: Int) { state.withLock { $0.pooled = count } }
    func idled(_ cost: Money) { state.withLock { $0.poolIdle &+= max(0, cost.nanodollars) } }

    func askedPool(wasReady: Bool) {
        state.withLock { state in
            if wasReady { state.poolHits += 1 } else { state.poolMisses += 1 }
        }
    }

    func refreshedPrices(_ layer: PriceLayer, _ outcome: LivePrices.Outcome) {
        let result =
            switch outcome {
            case .changed: "changed"
            case .unchanged: "unchanged"
            case .failed(let failure): failure.kind.rawValue
            }
        state.withLock { $0.priceRefreshes[[layer.rawValue, result], default: 0] += 1 }
    }

    func setActive(runs: Int, sandboxes: Int) {
        state.withLock { state in
            state.active = runs
            state.living = sandboxes
        }
    }

    /// The counts in Prometheus' text format.
    package func prometheusText() -> String {
        let state = state.withLock { $0 }
        var text = PrometheusText()
        text.metric("sandstorm_runs_active", "gauge", "Runs under way.")
        text.sample("sandstorm_runs_active", [:], "\(state.active)")
        text.metric("sandstorm_runs_settled_total", "counter", "Runs settled, by final state.")
        for kind in RunState.allCases where kind.isFinal {
            text.sample("sandstorm_runs_settled_total", ["state": kind.rawValue], "\(state.settled[kind] ?? 0)")
        }
        text.metric("sandstorm_runs_failed_total", "counter", "Runs that did not come to their end, by reason.")
        for (kind, count) in state.failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text.sample("sandstorm_runs_failed_total", ["reason": kind.rawValue], "\(count)")
        }
        text.metric("sandstorm_sandboxes_active", "gauge", "Living sandboxes, those being made included.")
        text.sample("sandstorm_sandboxes_active", [:], "\(state.living)")
        text.metric("sandstorm_sandboxes_ended_total", "counter", "Living sandboxes that ended, by reason.")
        for (reason, count) in state.ended.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_sandboxes_ended_total", ["reason": reason], "\(count)")
        }
        state.own.write(
            to: &text, "sandstorm_run_overhead_seconds",
            "The gateway's own part of a run's time: without waits for provider, code, slow readers and the journal.")
        state.journal.write(to: &text, "sandstorm_run_journal_seconds", "What a run waited for the journal to be durable.")
        text.metric("sandstorm_pool_ready", "gauge", "Sandboxes that wait for somebody to want them.")
        text.sample("sandstorm_pool_ready", [:], "\(state.pooled)")
        text.metric("sandstorm_pool_requests_total", "counter", "Requests that a pool is for, by whether a sandbox was ready.")
        text.sample("sandstorm_pool_requests_total", ["ready": "true"], "\(state.poolHits)")
        text.sample("sandstorm_pool_requests_total", ["ready": "false"], "\(state.poolMisses)")
        text.metric("sandstorm_pool_idle_nanodollars_total", "counter", "What waiting sandboxes cost, in nano-dollars.")
        text.sample("sandstorm_pool_idle_nanodollars_total", [:], "\(state.poolIdle)")
        if let plan = state.poolPlan {
            for (name, help, value) in [
                ("shapes", "Shapes of sandboxes whose demand is being learned, by place.", Int64(plan.shapes)),
                ("planned", "Sandboxes that are to wait by plan.", Int64(plan.sandboxes)),
                ("planned_nanodollars_per_hour", "What the planned ones cost while they wait.", plan.idlePerHour.nanodollars),
                ("budget_nanodollars_per_hour", "What they may cost at most.", plan.budget.nanodollars),
            ] {
                text.metric("sandstorm_pool_\(name)", "gauge", help)
                text.sample("sandstorm_pool_\(name)", [:], "\(value)")
            }
        }
        text.metric("sandstorm_attempts_failed_total", "counter", "Attempts that failed, by provider and error.")
        for (provider, codes) in state.attemptFailures.sorted(by: { $0.key < $1.key }) {
            for (code, count) in codes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                text.sample("sandstorm_attempts_failed_total", ["provider": provider.rawValue, "code": code.rawValue], "\(count)")
            }
        }
        text.metric("sandstorm_routing_offers_total", "counter", "Offers that runs were routed among, by what became of them.")
        for reason in DropReason.allCases {
            text.sample("sandstorm_routing_offers_total", ["filter": reason.name], "\(state.offers[Int(reason.rawValue)])")
        }
        text.sample("sandstorm_routing_offers_total", ["filter": "capability"], "\(state.refusals)")
        text.metric("sandstorm_retries_total", "counter", "Attempts that followed a failed one.")
        text.sample("sandstorm_retries_total", [:], "\(state.retries)")
        text.metric("sandstorm_queue_runs_total", "counter", "Runs for which every place was full, by what became of them.")
        for step in Queueing.allCases { text.sample("sandstorm_queue_runs_total", ["outcome": step.rawValue], "\(state.queue[step] ?? 0)") }
        text.metric("sandstorm_queue_wait_seconds_total", "counter", "How long runs waited for a place.")
        text.sample("sandstorm_queue_wait_seconds_total", [:], "\(state.waited.inSeconds)")
        text.metric("sandstorm_breaker_changes_total", "counter", "Changes of the breakers that leave an unwell place alone.")
        for (provider, states) in state.breakers.sorted(by: { $0.key < $1.key }) {
            for (name, count) in states.sorted(by: { $0.key < $1.key }) {
                text.sample("sandstorm_breaker_changes_total", ["provider": provider.rawValue, "to": name], "\(count)")
            }
        }
        text.metric("sandstorm_ejections_total", "counter", "Places left alone for a while, as they stood out of the others.")
        for (provider, count) in state.ejections.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_ejections_total", ["provider": provider.rawValue], "\(count)")
        }
        text.metric("sandstorm_probes_total", "counter", "Probes of places that were left alone.")
        for (provider, probes) in state.probes.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_probes_total", ["provider": provider.rawValue, "healthy": "true"], "\(probes.well)")
            text.sample("sandstorm_probes_total", ["provider": provider.rawValue, "healthy": "false"], "\(probes.unwell)")
        }
        text.metric("sandstorm_hedges_total", "counter", "Second attempts beside one that was late, by how far they came.")
        for step in Hedge.allCases { text.sample("sandstorm_hedges_total", ["step": step.rawValue], "\(state.hedges[step] ?? 0)") }
        text.metric("sandstorm_sandboxes_reaped_total", "counter", "Sandboxes killed by the reaper.")
        for (provider, count) in state.reaped.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_sandboxes_reaped_total", ["provider": provider.rawValue], "\(count)")
        }
        text.metric("sandstorm_cost_nanodollars_total", "counter", "What runs cost, in nano-dollars.")
        for (provider, cost) in state.cost.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_cost_nanodollars_total", ["provider": provider.rawValue], "\(cost)")
        }
        text.metric("sandstorm_price_refreshes_total", "counter", "Times that a source of prices was asked, by what came of it.")
        for (labels, count) in state.priceRefreshes.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            text.sample("sandstorm_price_refreshes_total", ["source": labels[0], "result": labels[1]], "\(count)")
        }
        return text.text
    }
}
