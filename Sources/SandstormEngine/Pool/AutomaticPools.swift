package import SandstormCore
package import SandstormRouting

/// Pools of the shapes that are asked for, whose sizes follow what is foreseen, within a budget.
package struct AutomaticPools: Sendable {
    /// What all sandboxes that wait may cost together, for an hour.
    package var budget: Money
    /// Shapes at their places that are learned at most; the one that is asked for the most rarely makes room for another.
    package var maximumShapes = 16
    /// What it is worth that somebody waits a second less.
    package var secondValue: Money = "$0.01"
    /// How many may wait in one pool, and in all together.
    package var poolLimit = 32
    package var limit = 64
    /// How long a sandbox may wait before it is replaced.
    package var life = Duration.seconds(3600)
    /// How often sizes are planned.
    package var interval = Duration.seconds(10)
    /// For how long fewer must be enough before there are fewer.
    package var patience = Duration.seconds(300)
    /// The time by which patterns of the day and the week are learned; routing's own if there is none.
    package var clock: (@Sendable () -> Moment)?

    package init(budget: Money) { self.budget = budget }

    var planner: PoolPlanner {
        PoolPlanner(
            .init(
                budget: budget, secondValue: secondValue, poolLimit: poolLimit, limit: limit, lookahead: interval + .seconds(20),
                patience: patience))
    }
}
