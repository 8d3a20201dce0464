import ArgumentParser
import Sandstorm

/// How a command in a sandbox is started.
struct ProcessOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("A user of the sandbox, by name or number.", valueName: "name"))
    var user: String?

    @Option(name: .shortAndLong, help: ArgumentHelp("The directory to start in. (default: /workspace)", valueName: "path"))
    var workdir: String?

    @Option(
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An environment variable of the command.", valueName: "name=value"))
    var environment: [String] = []

    /// The command; what is wrong is told to the checker.
    func command(_ arguments: [String], terminal: TerminalSize?, _ checker: inout ArgumentChecker) -> Command {
        var environment = checker.pairs(environment, at: "--env")
        if terminal != nil, environment["TERM"] == nil { environment["TERM"] = Terminal.name }
        if let workdir, !workdir.hasPrefix("/") {
            checker.report(OptionProblem("--workdir", "\"\(workdir)\" is not absolute", remedy: "begin it with /"))
        }
        return Command(
            arguments, environment: environment, workingDirectory: workdir ?? SandboxSpec.workspace, terminal: terminal, user: user)
    }
}
