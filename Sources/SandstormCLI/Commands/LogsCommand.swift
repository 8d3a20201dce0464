import ArgumentParser
import Sandstorm

/// `sandstorm logs`
struct LogsCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Prints what a run has printed.",
        discussion: "Standard output goes to standard output, and standard error to standard error.")

    @Argument(help: ArgumentHelp("The run.", valueName: "run id"))
    var run: String

    @Flag(name: .shortAndLong, help: "Go on until the run is settled.")
    var follow = false

    @Option(
        help: ArgumentHelp("Only stdout or only stderr.", valueName: "stream"),
        completion: .list(OutputChunk.Stream.allCases.map(\.rawValue)))
    var stream: String?

    @Flag(help: "Leave escape sequences as they are also when a terminal shows the output.")
    var raw = false

    @OptionGroup var place: PlaceOptions

    func execute() async throws -> ExitCode {
        var problems: [OptionProblem] = []
        let id = RunID(run)
        if id == nil { problems.append(.noRunID(run, at: "RUN_ID")) }
        let only = stream.flatMap(OutputChunk.Stream.init)
        if let stream, only == nil {
            problems.append(OptionProblem("--stream", "\"\(stream)\" is no stream", remedy: "use stdout or stderr"))
        }
        guard let id, problems.isEmpty else { throw CommandFailure(problems) }
        let output = ProgramOutput(isRaw: raw)
        try await place.withSandstorm { sandstorm in
            for try await chunk in sandstorm.logs(of: id, following: follow) where only == nil || only == chunk.stream {
                try await output.write(chunk.bytes, to: chunk.stream)
            }
            try await output.end()
        }
        return .success
    }
}
