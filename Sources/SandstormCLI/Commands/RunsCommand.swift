import ArgumentParser
import Sandstorm

/// `sandstorm runs`
struct RunsCommand: ReportingCommand {
    static let configuration = CommandConfiguration(commandName: "runs", abstract: "Lists runs, newest first.")

    @Option(
        name: .customLong("state"), help: ArgumentHelp("Only runs in this state.", valueName: "state"),
        completion: .list(OptionValues.states))
    var states: [String] = []

    @Option(help: ArgumentHelp("How many, up to 200.", valueName: "number"))
    var limit = 50

    @Option(help: ArgumentHelp("Only runs older than this one.", valueName: "run id"))
    var before: String?

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let (states, before) = try checked()
        let runs = try await place.withSandstorm { try await $0.runs(in: states, before: before, limit: limit) }
        if json {
            let list = runs.map { $0.json(includingOutput: false) }
            try await StandardOutput.output.line(JSONValue.object(["runs": .array(list)]).encoded)
            return .success
        }
        var table = Table("run", "state", "provider", "exit", "duration", "cost", "created")
        for run in runs {
            let exit = run.exitCode.map { "\($0)" } ?? run.signal.map { "SIG\($0)" } ?? run.failure?.kind.rawValue ?? "-"
            table.add(
                run.id.rawValue, run.state.rawValue, run.provider == .none ? "-" : run.provider.rawValue, exit,
                run.duration?.display ?? "-",
                run.cost.description,
                run.createdAt.rfc3339)
        }
        try await StandardOutput.output.write(Array(table.text.utf8))
        return .success
    }

    private func checked() throws -> (Set<RunState>, RunID?) {
        var problems: [OptionProblem] = []
        let known = Set(states.compactMap(RunState.init))
        for name in states where RunState(rawValue: name) == nil {
            problems.append(
                OptionProblem("--state", "\"\(name)\" is no state", remedy: "use one of \(OptionValues.states.joined(separator: ", "))"))
        }
        if !(1...200).contains(limit) { problems.append(OptionProblem("--limit", "is out of range", remedy: "ask for 1 to 200")) }
        let run = before.flatMap { RunID($0) }
        if let before, run == nil { problems.append(.noRunID(before, at: "--before")) }
        guard problems.isEmpty else { throw CommandFailure(problems) }
        return (known, run)
    }
}

extension OptionProblem {
    /// A text that should have been a run's id.
    static func noRunID(_ text: String, at place: String) -> OptionProblem {
        OptionProblem(place, "\"\(text)\" is no run id", remedy: "copy one from sandstorm runs; it starts with run_")
    }
}
