import ArgumentParser

/// What to run, in what kind of sandbox, and on what terms. Kept as typed, so that everything wrong can be told at once.
struct RunOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The source file to run.", valueName: "file"), completion: .file())
    var file: String?

    @Argument(parsing: .postTerminator, help: ArgumentHelp("A program and its arguments, after --.", valueName: "command"))
    var command: [String] = []

    @Option(name: [.customShort("c"), .long], parsing: .unconditional, help: "Code to run, instead of a file.")
    var code: String?

    @Option(name: .shortAndLong, help: "The code's language; a file's extension tells it.", completion: .list(OptionValues.languages))
    var language: String?

    @Flag(help: "Pass standard input to the code.")
    var stdin = false

    @Option(
        name: .customLong("arg"), parsing: .unconditionalSingleValue, help: ArgumentHelp("An argument for the code.", valueName: "text"))
    var arguments: [String] = []

    @Option(
        name: [.customShort("r"), .customLong("requirement")],
        help: ArgumentHelp("A package that the code needs: requests==2.32.3.", valueName: "package"))
    var requirements: [String] = []

    @OptionGroup var sandbox: SandboxOptions

    @Flag(help: "Running the code twice does no harm, so that a run that was lost may be moved elsewhere.")
    var idempotent = false

    @Flag(help: "Go on without this program; prints the run's id. Needs a gateway.")
    var detach = false

    @Option(
        help: ArgumentHelp("A spec or a whole request in JSON; the other options change it.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var spec: String?

    @Flag(help: "Print the result as JSON instead of the code's output.")
    var json = false

    @Flag(help: "Leave escape sequences as they are also when a terminal shows the output.")
    var raw = false

    @Flag(help: "Print the line about provider, times and cost also when standard error is no terminal.")
    var summary = false

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false
}
