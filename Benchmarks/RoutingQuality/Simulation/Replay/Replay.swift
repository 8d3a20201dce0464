import SandstormCore

/// Replays records under all policies: each mode by itself, the days in order, learning from nothing.
package enum Replay {
    /// One policy in one mode.
    package struct Result: Sendable {
        package var policy: String
        package var mode: StartRecords.Mode
        package var tally: Tally
        package var oracle: Tally
    }

    /// In the order in which they are reported.
    package static let policies = [
        "sandstorm", "random", "round-robin", "static-cheapest", "static-fastest", "priority", "latency", "cooldown", "hedge-500",
        "oracle",
    ]

    /// The list that an operator would write down: the best known first.
    static let priority = ["e2b", "daytona", "modal", "vercel", "cloudflare", "codesandbox", "blaxel", "runloop", "namespace", "hopx"]

    /// - Parameter chosen: by their names in ``policies``; all if empty.
    package static func run(
        _ records: StartRecords, arrivals: ArrivalTrace? = nil, errors: ErrorModel = ErrorModel(), seed: UInt64 = 0,
        only chosen: Set<String> = [], report: (Result) -> Void
    ) {
        for mode in StartRecords.Mode.allCases where records.days[mode] != nil {
            let world = ReplayWorld(records, mode: mode, arrivals: arrivals, errors: errors, seed: seed)
            let oracle = Oracle.run(in: world, objective: .fastest)
            for policy in policies where chosen.isEmpty || chosen.contains(policy) {
                let tally = tally(of: policy, in: world, records.providers, seed: seed, oracle: oracle)
                report(Result(policy: policy, mode: mode, tally: tally, oracle: oracle))
            }
        }
    }

    /// The same over records resampled `count` times, as lines of JSON: per policy and mode the means, the worst values, and in what share of
    /// the resamples its p99 was below that of `hedge-500`.
    package static func resampled(
        _ records: StartRecords, times count: Int, errors: ErrorModel = ErrorModel(), seed: UInt64 = 0, only chosen: Set<String> = []
    ) -> [String] {
        struct Key: Hashable {
            var mode: StartRecords.Mode
            var policy: String
        }
        var tallies: [Key: [Tally]] = [:]
        let wanted = chosen.isEmpty ? [] : chosen.union(["hedge-500"])
        for number in 1...max(count, 1) {
            let sample = records.resampled(seed: seed &* 1000 &+ UInt64(number))
            run(sample, errors: errors, seed: seed &+ UInt64(number), only: wanted) { result in
                tallies[Key(mode: result.mode, policy: result.policy), default: []].append(result.tally)
            }
        }
        return StartRecords.Mode.allCases.flatMap { mode in
            policies.compactMap { policy -> String? in
                guard let own = tallies[Key(mode: mode, policy: policy)], let rivals = tallies[Key(mode: mode, policy: "hedge-500")] else {
                    return nil
                }
                let p99s = own.map { $0.start(atQuantile: 0.99).inMilliseconds }
                let wins = zip(own, rivals).count { $0.start(atQuantile: 0.99) < $1.start(atQuantile: 0.99) }
                let cells: [(String, String)] = [
                    ("policy", "\"\(policy)\""), ("mode", "\"\(mode.rawValue)\""), ("resamples", "\(own.count)"),
                    ("worstSuccess", (own.map(\.successRate).min() ?? 1).decimal(6)),
                    ("meanP99", (p99s.reduce(0, +) / Double(own.count)).decimal(1)), ("worstP99", (p99s.max() ?? 0).decimal(1)),
                    ("worstP999", (own.map { $0.start(atQuantile: 0.999).inMilliseconds }.max() ?? 0).decimal(1)),
                    ("worstExtraCreates", (own.map(\.hedgeRate).max() ?? 0).decimal(5)),
                    ("fasterThanHedge500", (Double(wins) / Double(own.count)).decimal(3)),
                ]
                return "{" + cells.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
            }
        }
    }

    /// What happened to those requests that `sandstorm` started last or lost, the worst first, in words.
    package static func worst(
        _ count: Int, of records: StartRecords, mode: StartRecords.Mode, arrivals: ArrivalTrace? = nil, errors: ErrorModel = ErrorModel(),
        seed: UInt64 = 0
    ) -> [String] {
        let world = ReplayWorld(records, mode: mode, arrivals: arrivals, errors: errors, seed: seed)
        return Stories.worst(count, in: world, objective: .fastest, names: records.providers) { request in
            let (date, iteration) = world.origin(of: request)
            return "\(mode.rawValue) \(date) #\(iteration)"
        }
    }

    private static func tally(of policy: String, in world: ReplayWorld, _ providers: [String], seed: UInt64, oracle: Tally) -> Tally {
        switch policy {
        case "sandstorm": Simulation.run(SandstormPolicy(objective: .fastest, workloads: world.workloads), in: world)
        case "random": Simulation.run(RandomPolicy(seed: seed), in: world)
        case "round-robin": Simulation.run(RoundRobinPolicy(), in: world)
        case "static-cheapest": Simulation.run(OrderedPolicy(cheapestFor: .seconds(10)), in: world)
        case "static-fastest": Simulation.run(OrderedPolicy(order: world.fastestByHindsight), in: world)
        case "priority": Simulation.run(OrderedPolicy(order: priority.compactMap { providers.firstIndex(of: $0) }), in: world)
        case "latency": Simulation.run(LatencyPolicy(seed: seed), in: world)
        case "cooldown": Simulation.run(CooldownPolicy(seed: seed), in: world)
        case "hedge-500": Simulation.run(FixedHedgePolicy(order: world.fastestByHindsight), in: world)
        default: oracle
        }
    }
}

extension Replay.Result {
    /// One line of JSON.
    package var json: String {
        let cells: [(String, String)] = [
            ("policy", "\"\(policy)\""), ("mode", "\"\(mode.rawValue)\""), ("success", tally.successRate.decimal(6)),
            ("p50", tally.start(atQuantile: 0.5).inMilliseconds.decimal(1)),
            ("p99", tally.start(atQuantile: 0.99).inMilliseconds.decimal(1)),
            ("p999", tally.start(atQuantile: 0.999).inMilliseconds.decimal(1)), ("extraCreates", tally.hedgeRate.decimal(5)),
            ("cost", tally.cost(relativeTo: oracle).decimal(4)), ("failoverCreates", tally.failoverRate.decimal(5)),
            ("requests", "\(tally.requests)"),
        ]
        return "{" + cells.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }
}

extension Double {
    /// With at most so many decimals and no zeros after them.
    package func decimal(_ places: Int) -> String {
        var factor = 1.0
        for _ in 0..<places { factor *= 10 }
        let scaled = (abs(self) * factor).rounded()
        guard scaled.isFinite, scaled < 1e15 else { return "0" }
        let whole = Int(scaled)
        let unit = Int(factor)
        var text = "\(whole / unit)"
        var rest = String(whole % unit)
        rest = String(repeating: "0", count: max(0, places - rest.count)) + rest
        while rest.last == "0" { rest.removeLast() }
        if places > 0, !rest.isEmpty { text += "." + rest }
        return self < 0 && whole != 0 ? "-" + text : text
    }
}
