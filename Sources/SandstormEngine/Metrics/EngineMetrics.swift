import SandstormCore

/// Counts of what the engine did, in the names of the metrics that operators see.
package final class EngineMetrics: Sendable {
    private struct State {
        var settled: [RunState: Int] = [:]
        var failures: [RunFailure.Kind: Int] = [:]
        var attemptFailures: [ProviderID: [ProviderError.Code: Int]] = [:]
        var reaped: [ProviderID: Int] = [:]
        var cost: [ProviderID: Int64] = [:]
        var active = 0
    }

    private let state = Locked(State())

    init() {}

    func settled(_ result: RunResult) {
        state.withLock { state in
            state.settled[result.state, default: 0] += 1
            if let failure = result.failure { state.failures[failure.kind, default: 0] += 1 }
            if result.provider != .none { state.cost[result.provider, default: 0] &+= result.cost.nanodollars }
        }
    }

    func attemptFailed(_ provider: ProviderID, _ code: ProviderError.Code) {
        state.withLock { $0.attemptFailures[provider, default: [:]][code, default: 0] += 1 }
    }

    func reaped(_ provider: ProviderID) { state.withLock { $0.reaped[provider, default: 0] += 1 } }
    func setActive(_ count: Int) { state.withLock { $0.active = count } }

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
        text.metric("sandstorm_attempts_failed_total", "counter", "Attempts that failed, by provider and error.")
        for (provider, codes) in state.attemptFailures.sorted(by: { $0.key < $1.key }) {
            for (code, count) in codes.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                text.sample("sandstorm_attempts_failed_total", ["provider": provider.rawValue, "code": code.rawValue], "\(count)")
            }
        }
        text.metric("sandstorm_sandboxes_reaped_total", "counter", "Sandboxes killed by the reaper.")
        for (provider, count) in state.reaped.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_sandboxes_reaped_total", ["provider": provider.rawValue], "\(count)")
        }
        text.metric("sandstorm_cost_nanodollars_total", "counter", "What runs cost, in nano-dollars.")
        for (provider, cost) in state.cost.sorted(by: { $0.key < $1.key }) {
            text.sample("sandstorm_cost_nanodollars_total", ["provider": provider.rawValue], "\(cost)")
        }
        return text.text
    }
}
