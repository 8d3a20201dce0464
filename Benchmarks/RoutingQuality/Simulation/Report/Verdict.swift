package import SandstormCore

/// What is promised of routing, and whether one scenario bears it out.
package struct Verdict: Sendable {
    package var text: String
    package var isMet: Bool

    /// Differences below this are noise: what a tie comes to.
    private static let noise = 1.005
    private static let leastSuccess = 0.9995

    /// The promises that can be judged by this run.
    package static func all(of run: PackRun) -> [Verdict] {
        var verdicts: [Verdict] = []
        if let ours = run.tally("sandstorm", .cheapest), let oracle = run.oracles[.cheapest] {
            verdicts.append(bound("cheapest: cost per run", ours.costPerSuccess / oracle.costPerSuccess, atMost: 1.05))
            verdicts.append(success("cheapest", ours, oracle))
            verdicts += rival(in: run, ours, "cheapest: cost per run", oracle) { $0.costPerSuccess }
        }
        if let ours = run.tally("sandstorm", .fastest), let oracle = run.oracles[.fastest] {
            verdicts.append(bound("fastest: p99 start", ours.p99 / oracle.p99, atMost: 1.15))
            verdicts.append(success("fastest", ours, oracle))
            verdicts += rival(in: run, ours, "fastest: p99 start", oracle) { $0.p99 }
        }
        return verdicts
    }

    /// The promise that holds for all scenarios together.
    package static func total(of runs: [PackRun]) -> [Verdict] {
        var ours = 0.0
        var oracles = 0.0
        for run in runs {
            guard let tally = run.tally("sandstorm", .cheapest), let oracle = run.oracles[.cheapest] else { return [] }
            // Per run that succeeded, so that failing saves nothing.
            ours += tally.costPerSuccess * Double(tally.requests)
            oracles += oracle.costPerSuccess * Double(tally.requests)
        }
        guard runs.count > 1, oracles > 0 else { return [] }
        return [bound("all scenarios, cheapest: cost", ours / oracles, atMost: 1.05)]
    }

    private static func bound(_ name: String, _ ratio: Double, atMost limit: Double) -> Verdict {
        Verdict(text: "\(name) is \(ratio.decimal(3)) × the oracle's [≤ \(limit.decimal(2)) ×", isMet: ratio <= limit)
    }

    private static func success(_ name: String, _ ours: Tally, _ oracle: Tally) -> Verdict {
        let share = ours.success(among: oracle)
        return Verdict(
            text: "\(name): \((share * 100).decimal(3)) % of what could be served [≥ \((leastSuccess * 100).decimal(2)) %",
            isMet: share >= leastSuccess)
    }

    /// Against the best of the baselines that serve as many as we promise to, or as we do if that is less.
    private static func rival(
        in run: PackRun, _ ours: Tally, _ name: String, _ oracle: Tally, by measure: (Tally) -> Double
    ) -> [Verdict] {
        let needed = min(ours.success(among: oracle), leastSuccess)
        let rivals = run.entries.filter { PackRun.baselines.contains($0.policy) && $0.tally.success(among: oracle) >= needed }
        guard let best = rivals.min(by: { measure($0.tally) < measure($1.tally) }) else { return [] }
        let ratio = measure(ours) / measure(best.tally)
        return [Verdict(text: "\(name) is \(ratio.decimal(3)) × the best baseline's, \(best.policy) [≤ 1 ×", isMet: ratio <= noise)]
    }

    package var line: String { "  \(text): \(isMet ? "met" : "MISSED")]" }
}

extension PackRun {
    package func tally(_ policy: String, _ objective: Constraints.Objective) -> Tally? {
        entries.first { $0.policy == policy && ($0.objective == objective || $0.objective == nil) }?.tally
    }
}

extension Tally {
    /// In nano-dollars. What fails is not cheap: the cost of failed runs is borne by those that succeed.
    var costPerSuccess: Double { Double(cost.nanodollars) / Double(max(successes, 1)) }

    var p99: Double { Double(max(start(atQuantile: 0.99), 1)) }

    /// Of what somebody could serve who knows everything; 1 if that is nothing.
    func success(among oracle: Tally) -> Double {
        guard let servable = oracle.servable, servable > 0 else { return 1 }
        return min(1, Double(successes) / Double(servable))
    }
}
