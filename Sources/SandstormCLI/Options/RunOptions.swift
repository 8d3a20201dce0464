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
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An environment variable.", valueName: "name=value"))
    var environment: [String] = []

    @Option(
        name: [.customShort("r"), .customLong("requirement")],
        help: ArgumentHelp("A package that the code needs: requests==2.32.3.", valueName: "package"))
    var requirements: [String] = []

    @Option(
        name: .customLong("file"),
        help: ArgumentHelp("A file to put into the workspace, by its name or as PATH.", valueName: "local[:path]"),
        completion: .file())
    var files: [String] = []

    @Option(help: ArgumentHelp("vCPUs, up to 64. (default: 1)", valueName: "number"))
    var cpu: String?

    @Option(help: ArgumentHelp("Memory: 512MiB, 1GiB, or a number of MiB. (default: 1GiB)", valueName: "size"))
    var memory: String?

    @Option(help: ArgumentHelp("Disk in whole GiB. (default: 1GiB)", valueName: "size"))
    var disk: String?

    @Option(help: ArgumentHelp("GPUs: L4, H100:2.", valueName: "type[:n]"))
    var gpu: String?

    @Option(help: ArgumentHelp("How long the code may run: 30s, 5m, 2h. (default: 5m)", valueName: "time"))
    var timeout: String?

    @Option(help: ArgumentHelp("What the code may reach: none, open, or hosts. (default: none)", valueName: "policy"))
    var network: String?

    @Option(
        help: ArgumentHelp("The least isolation that will do. (default: standard)", valueName: "level"),
        completion: .list(OptionValues.isolation))
    var isolation: String?

    @Option(help: "The image to start from.")
    var image: String?

    @Option(help: "The region in which the sandbox must be.")
    var region: String?

    @Option(help: ArgumentHelp("The most that the run may cost, in US dollars.", valueName: "amount"))
    var maxCost: String?

    @Option(help: ArgumentHelp("The longest wait until the code starts.", valueName: "time"))
    var maxLatency: String?

    @Option(help: ArgumentHelp("A provider to be tried first.", valueName: "provider"))
    var prefer: [String] = []

    @Option(help: ArgumentHelp("A provider never to be used.", valueName: "provider"))
    var exclude: [String] = []

    @Option(help: ArgumentHelp("What best means. (default: balanced)", valueName: "objective"), completion: .list(OptionValues.objectives))
    var objective: String?

    @Option(name: .customLong("label"), help: ArgumentHelp("A label of your own, kept with the run.", valueName: "name=value"))
    var labels: [String] = []

    @Flag(help: "Running the code twice does no harm, so that a run that was lost may be moved elsewhere.")
    var idempotent = false

    @Option(help: ArgumentHelp("The same key with the same request means the same run, for 24 hours.", valueName: "key"))
    var idempotencyKey: String?

    @Flag(help: "Go on without this program; prints the run's id. Needs a gateway.")
    var detach = false

    @Option(
        help: ArgumentHelp("A spec or a whole request in JSON; the other options change it.", valueName: "file"),
        completion: .file(extensions: ["json"]))
    var spec: String?

    @Flag(help: "Print the result as JSON instead of the code's output.")
    var json = false

    @Flag(help: "Print the line about provider, times and cost also when standard error is no terminal.")
    var summary = false

    @Flag(name: .shortAndLong, help: "No progress and no summary.")
    var quiet = false
}
