import ArgumentParser
import Sandstorm

/// `sandstorm exec`
struct ExecCommand: ReportingCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Runs a command in a living sandbox.",
        usage: "sandstorm exec [<options>] <sandbox> -- <command> ...",
        discussion: """
            What the command prints goes to standard output and standard error as it comes, and the exit code is the command's own; \
            see sandstorm run for the others. Standard input is passed on if it is a file or a pipe, or with -i.
            """)

    @Argument(help: ArgumentHelp("The sandbox.", valueName: "sandbox"))
    var sandbox: String

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A program and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    @Flag(name: .shortAndLong, help: "Pass standard input on also from a terminal.")
    var interactive = false

    @Flag(name: .shortAndLong, help: "Give the command a terminal, and this one's keys to it; implies -i.")
    var tty = false

    @Flag(help: "The command gets no input, whatever standard input is.")
    var noStdin = false

    @OptionGroup var process: ProcessOptions

    @Option(help: ArgumentHelp("How long the command may run: 30s, 5m, 2h.", valueName: "time"))
    var timeout: String?

    @Flag(name: .shortAndLong, help: "Let it go on without this program; prints the process's id.")
    var detach = false

    @Flag(help: "Leave escape sequences as they are also when a terminal shows the output.")
    var raw = false

    @OptionGroup(title: "Place") var place: PlaceOptions

    func execute() async throws -> ExitCode {
        let (id, request) = try checked()
        return try await place.withSandstorm { sandstorm in
            let sandbox = sandstorm.sandbox(id)
            guard !detach else {
                try await StandardOutput.output.line(try await sandbox.start(request).id.rawValue)
                return .success
            }
            return try await ProcessSession(
                sandbox: sandbox, request: request, passesInput: !request.closesInput, isRaw: raw
            ).execute()
        }
    }

    private func checked() throws -> (SandboxID, ProcessRequest) {
        var checker = ArgumentChecker()
        let id = checker.sandbox(sandbox)
        checker.report(place.problem(needingGatewayFor: "SANDBOX"))
        if command.first?.isEmpty ?? true {
            checker.report(OptionProblem("", "there is nothing to run", remedy: "give -- COMMAND"))
        }
        for (name, isGiven) in [("--interactive", interactive), ("--tty", tty)] where isGiven && noStdin {
            checker.report(OptionProblem(name, "is given beside --no-stdin", remedy: "give one of the two"))
        }
        for (name, isGiven) in [("--interactive", interactive), ("--tty", tty)] where isGiven && detach {
            checker.report(OptionProblem(name, "is given beside --detach", remedy: "give one of the two"))
        }
        let timeout = checker.duration(timeout, at: "--timeout", in: .milliseconds(1) ... .seconds(86_400))
        let size = tty ? RawTerminal.size ?? TerminalSize(columns: 80, rows: 24) : nil
        let command = process.command(command, terminal: size, &checker)
        try checker.finish()
        let passesInput = !noStdin && !detach && (interactive || tty || !RawTerminal.isAvailable)
        return (id, ProcessRequest(command, closesInput: !passesInput, timeout: timeout, detached: detach))
    }
}
