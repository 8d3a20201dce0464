package import SandstormCore

/// One scenario under all policies.
package struct PackRun: Sendable {
    /// One policy's result; what ignores the objective has only one.
    package struct Entry: Sendable {
        package var policy: String
        /// `nil` of a policy that knows no objectives.
        package var objective: Constraints.Objective?
        package var tally: Tally
    }

    package let scenario: String
    package let entries: [Entry]
    /// By objective.
    package let oracles: [Constraints.Objective: Tally]

    /// What others ship.
    package static let baselines = [
        "random", "round-robin", "static-cheapest", "static-fastest", "priority", "latency", "cooldown", "hedge-500",
    ]

    /// Those that can be asked for.
    package static let policies = ["sandstorm", "informed"] + baselines + ["oracle"]

    private static let objectives: [Constraints.Objective] = [.cheapest, .fastest]

    /// - Parameter chosen: by their names in ``policies``; all if empty.
    package init(_ world: ScenarioWorld, only chosen: Set<String> = [], seed: UInt64 = 0) {
        scenario = world.scenario.name
        var oracles: [Constraints.Objective: Tally] = [:]
        var entries: [Entry] = []
        func wants(_ name: String) -> Bool { chosen.isEmpty || chosen.contains(name) }
        for objective in PackRun.objectives {
            oracles[objective] = Oracle.run(in: world, objective: objective)
            if wants("sandstorm") {
                let policy = SandstormPolicy(objective: objective, workloads: world.workloads, seed: seed)
                entries.append(Entry(policy: "sandstorm", objective: objective, tally: Simulation.run(policy, in: world)))
            }
            if wants("informed") {
                let policy = InformedPolicy(of: world, objective: objective)
                entries.append(Entry(policy: "informed", objective: objective, tally: Simulation.run(policy, in: world)))
            }
        }
        for name in PackRun.baselines where wants(name) {
            entries.append(Entry(policy: name, objective: nil, tally: PackRun.tally(of: name, in: world, seed: seed)))
        }
        if wants("oracle") {
            for objective in PackRun.objectives {
                entries.append(Entry(policy: "oracle", objective: objective, tally: oracles[objective] ?? Tally()))
            }
        }
        self.entries = entries
        self.oracles = oracles
    }

    private static func tally(of name: String, in world: ScenarioWorld, seed: UInt64) -> Tally {
        switch name {
        case "random": Simulation.run(RandomPolicy(seed: seed), in: world)
        case "round-robin": Simulation.run(RoundRobinPolicy(), in: world)
        case "static-cheapest": Simulation.run(OrderedPolicy(cheapestFor: .seconds(10)), in: world)
        case "static-fastest": Simulation.run(OrderedPolicy(order: world.fastestAtFirst), in: world)
        case "priority": Simulation.run(OrderedPolicy(order: Array(0..<world.offerCount)), in: world)
        case "latency": Simulation.run(LatencyPolicy(seed: seed), in: world)
        case "cooldown": Simulation.run(CooldownPolicy(seed: seed), in: world)
        default: Simulation.run(FixedHedgePolicy(order: world.fastestAtFirst), in: world)
        }
    }
}

extension ScenarioWorld {
    /// From the lowest to the highest median start under the first conditions: what a comparison would have shown that was made just
    /// before.
    package var fastestAtFirst: [Int] {
        let medians = (0..<offerCount).map { offer in
            let conditions = conditions(of: offer, at: scenario.start)
            let starts = (0..<201).map { number -> Microseconds in
                let draw = draw(conditions, Chance(seed: 7).of(offer).of(number))
                return draw.failure == nil ? draw.after : .max
            }
            return starts.sorted()[100]
        }
        return (0..<offerCount).sorted { (medians[$0], $0) < (medians[$1], $1) }
    }
}
