import ArgumentParser
import Sandstorm

/// `sandstorm run`
struct RunCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs code or a command in a sandbox.",
        usage: """
            sandstorm run <file> [<options>]
            sandstorm run -c <code> --language <language> [<options>]
            sandstorm run [<options>] -- <command> ...
            """,
        discussion: """
            What the code prints goes to standard output and standard error as it comes. The exit code is the code's own; \
            128 + n after signal n; 124 at the timeout; 125 if Sandstorm refused or failed; 130 if cancelled.
            """)

    @OptionGroup var options: RunOptions
    @OptionGroup(title: "Place") var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let request = try await RequestBuilder.request(from: options)
        if request.detached, !place.isRemote {
            throw CommandFailure([
                OptionProblem(
                    "--detach", "needs a gateway that goes on without this program",
                    remedy: "start one with sandstorm serve and name it with --gateway")
            ])
        }
        return try await place.withSandstorm { sandstorm in
            try await RunSession(sandstorm: sandstorm, request: request, options: options).execute()
        }
    }
}
