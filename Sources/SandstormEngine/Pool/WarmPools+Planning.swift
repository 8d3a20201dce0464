import SandstormCore
import SandstormRouting

extension WarmPools {
    /// Plans the sizes of the pools that are learned until the task is cancelled.
    func plan(_ automatic: AutomaticPools) async {
        var planner = automatic.planner
        while !Task.isCancelled {
            plan(&planner)
            try? await Task.sleep(for: automatic.interval)
        }
    }

    private func plan(_ planner: inout PoolPlanner) {
        let now = moment
        let demands = state.withLock { $0.demands(at: now) }
        // Planning takes longer than anybody should wait for a sandbox.
        let plan = planner.plan(demands, at: now)
        state.withLock { $0.apply(plan) }
        metrics.planned(
            EngineMetrics.PoolPlan(
                shapes: demands.count, sandboxes: plan.pools.reduce(0) { $0 + $1.size }, idlePerHour: plan.idlePerHour,
                budget: planner.settings.budget))
        changes.raise()
    }

    /// What was learned of the shapes that are asked for, for the next process; `nil` if nothing is to be learned here.
    var learned: JSONValue? { configuration.automaticPools == nil ? nil : state.withLock { $0 }.learned }

    /// Begins with what an earlier process has learned.
    func restore(_ learned: JSONValue) {
        guard let automatic = configuration.automaticPools else { return }
        state.withLock { $0.restore(learned, automatic) }
    }
}
