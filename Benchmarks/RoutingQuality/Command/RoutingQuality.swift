import Foundation
import RoutingSimulation
import SandstormCore

/// `make bench-routing`: what the router's decisions are worth, against an oracle and what others ship.
///
/// Runs the scenario packs, or the scenario of `--scenario FILE`, prints a table for each and draws all. With `--tti FILE` it replays measured starts and prints one JSON line per policy and mode. Ends with 1 if a target was missed, 64 if
/// it was asked for something that isn't there.
@main
enum RoutingQuality {
    static func main() {
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            if let file = options.records { return try replay(file, options) }
            exit(try simulate(scenarios(options), options) ? 0 : 1)
        } catch {
            complain("\(error)")
            exit(64)
        }
    }

    private static func scenarios(_ options: Options) throws -> [Scenario] {
        if let file = options.scenario { return [try scenario(file)] }
        if options.randoms > 0 {
            let base = try scenario("\(options.packs)/stationary.json")
            return (0..<options.randoms).map { base.varied(seed: options.seed &+ UInt64($0)) }
        }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: options.packs) else {
            throw InputError("there are no scenarios in \(options.packs): name it with --packs")
        }
        return try names.filter { $0.hasSuffix(".json") }.sorted().map { try scenario("\(options.packs)/\($0)") }
    }

    private static func scenario(_ file: String) throws -> Scenario {
        let directory = (file as NSString).deletingLastPathComponent
        return try Scenario(json: TextFile.read(file), file: file) { name in
            try TextFile.read((directory as NSString).appendingPathComponent(name))
        }
    }

    /// - Returns: whether all targets were met.
    private static func simulate(_ scenarios: [Scenario], _ options: Options) throws -> Bool {
        let trace = try options.arrivals.map { try ArrivalTrace(csv: TextFile.read($0), file: $0) }
        var runs: [PackRun] = []
        var isMissed = false
        for scenario in scenarios {
            let world = ScenarioWorld(scenario, arrivals: trace, seed: options.seed)
            let run = PackRun(world, only: options.policies, seed: options.seed)
            runs.append(run)
            run.table.forEach(say)
            for objective in [Constraints.Objective.cheapest, .fastest] where options.worst > 0 {
                Stories.worst(options.worst, in: world, objective: objective, names: scenario.offers.map(\.id)) { request in
                    let offset = (world.requests[request].arrival - scenario.start).duration
                    return "\(scenario.name), \(objective.rawValue), #\(request) at \(offset.display)"
                }.forEach(complain)
            }
            for verdict in Verdict.all(of: run) {
                say(verdict.line)
                if !verdict.isMet { isMissed = true }
            }
        }
        for verdict in Verdict.total(of: runs) {
            say(verdict.line)
            if !verdict.isMet { isMissed = true }
        }
        try Plot(runs).svg.write(toFile: options.plot, atomically: true, encoding: .utf8)
        say("Plotted in \(options.plot)")
        return !isMissed
    }

    private static func replay(_ file: String, _ options: Options) throws {
        let records = try StartRecords(csv: TextFile.read(file), file: file)
        let arrivals = try options.arrivals.map { try ArrivalTrace(csv: TextFile.read($0), file: $0) }
        complain(
            "The clouds in these records were measured one after another: that their failures are independent is an optimistic assumption.")
        guard options.resamples == 0 else {
            return Replay.resampled(
                records, times: options.resamples, errors: options.errors, seed: options.seed, only: options.policies
            ).forEach(say)
        }
        Replay.run(records, arrivals: arrivals, errors: options.errors, seed: options.seed, only: options.policies) { say($0.json) }
        guard options.worst > 0 else { return }
        for mode in StartRecords.Mode.allCases where records.days[mode] != nil {
            Replay.worst(
                options.worst, of: records, mode: mode, arrivals: arrivals, errors: options.errors, seed: options.seed
            ).forEach(complain)
        }
    }
}

/// Prints at once, also into a pipe.
func say(_ line: String) { try? FileHandle.standardOutput.write(contentsOf: Data("\(line)\n".utf8)) }

/// For whoever watches, not for whoever reads the results.
func complain(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data("\(line)\n".utf8)) }
