import ArgumentParser

/// What kind of sandbox, and on what terms. Kept as typed, so that everything wrong can be told at once.
struct SandboxOptions: ParsableArguments {
    @Option(
        name: [.customShort("e"), .customLong("env")], parsing: .unconditionalSingleValue,
        help: ArgumentHelp("An environment variable.", valueName: "name=value"))
    var environment: [String] = []

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

    @Option(
        help: ArgumentHelp(
            "How long the code may run, or the sandbox lives unless it is renewed: 30s, 5m, 2h. (default: 5m)", valueName: "time"))
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

    @Option(help: ArgumentHelp("The most that it may cost altogether, in US dollars.", valueName: "amount"))
    var maxCost: String?

    @Option(help: ArgumentHelp("The longest wait until the code starts.", valueName: "time"))
    var maxLatency: String?

    @Option(help: ArgumentHelp("A provider to be tried first.", valueName: "provider"))
    var prefer: [String] = []

    @Option(help: ArgumentHelp("A provider never to be used.", valueName: "provider"))
    var exclude: [String] = []

    @Option(
        help: ArgumentHelp("What best means, or weights: cost=70,latency=30. (default: balanced)", valueName: "objective"),
        completion: .list(OptionValues.objectives))
    var objective: String?

    @Option(
        help: ArgumentHelp(
            "Where it may go: one provider or offer, several in order (a,b), shares (a=70,b=30), or a rule in JSON.", valueName: "rule"))
    var route: String?

    @Option(help: ArgumentHelp("What belongs together has the same key, for rules that keep it in one place.", valueName: "key"))
    var session: String?

    @Flag(help: "Never try a place just to learn more about it.")
    var noExplore = false

    @Option(
        name: .customLong("label"), help: ArgumentHelp("A label of your own, kept with the run or the sandbox.", valueName: "name=value"))
    var labels: [String] = []

    @Option(help: ArgumentHelp("The same key with the same request means the same run or sandbox, for 24 hours.", valueName: "key"))
    var idempotencyKey: String?

    /// The names of the options that were given.
    var given: [String] {
        let values: [(String, Bool)] = [
            ("--env", !environment.isEmpty), ("--file", !files.isEmpty), ("--cpu", cpu != nil), ("--memory", memory != nil),
            ("--disk", disk != nil), ("--gpu", gpu != nil), ("--timeout", timeout != nil), ("--network", network != nil),
            ("--isolation", isolation != nil), ("--image", image != nil), ("--region", region != nil), ("--max-cost", maxCost != nil),
            ("--max-latency", maxLatency != nil), ("--prefer", !prefer.isEmpty), ("--exclude", !exclude.isEmpty),
            ("--objective", objective != nil), ("--route", route != nil), ("--session", session != nil), ("--no-explore", noExplore),
            ("--label", !labels.isEmpty), ("--idempotency-key", idempotencyKey != nil),
        ]
        return values.filter(\.1).map(\.0)
    }
}
