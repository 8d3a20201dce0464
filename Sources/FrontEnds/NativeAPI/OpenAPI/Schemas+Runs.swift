import SandstormCore

extension Schema {
    /// What a sandbox is, whether code is run once in it or it is lived in.
    static let ofSpecs: Members = [
        ("environment", .map(of: .text, names: .environmentName).described("Variables.")),
        ("secrets", .array(of: .environmentName).described("Names of stored secrets.")),
        ("files", .reference("Files")),
        ("cpu", Schema(["type": "number", "exclusiveMinimum": 0, "maximum": 64, "default": 1]).described("vCPUs.")),
        ("memory", .integer(SandboxSpec.Limits.memory, default: 1024).described("MiB.")),
        ("disk", .integer(SandboxSpec.Limits.disk, default: 1).described("GiB.")),
        ("gpu", .oneOf(.notEmpty, .request([("type", .notEmpty)], optional: [("count", .integer(1...16))]))),
        ("timeout", .lease.with("default", 300_000).described("Milliseconds: a run's whole time, a sandbox's first lease.")),
        ("network", .reference("Network")),
        ("isolation", .reference("Isolation")),
        ("region", .name.described("Where it must be.")),
        ("rootAccess", .boolean.described("Code may become root inside, and change the whole file system.")),
        ("image", .name.described("What to start from.")),
        ("metadata", .labels),
        ("idempotent", .boolean.described("Running the code twice does no harm: a lost run may be moved elsewhere.")),
        ("providerOptions", .map(of: .anyObject).described("Raw fields for one provider, by its id.")),
    ]

    private static let ofPrograms: Members = [
        ("arguments", .array(of: .text).described("Arguments for the code's program.")),
        ("stdin", .string().described("Standard input; or `stdinBase64`.")), ("stdinBase64", .base64),
    ]

    static let environmentName = string(pattern: "^[A-Za-z_][A-Za-z0-9_]{0,255}$")
    /// A region's or an image's.
    static let name = string(pattern: "^[!-~]{1,512}$")
    static let labels = map(of: string(length: 0...1024), names: string(length: 1...128), atMost: 64).described("Your own labels.")
    static let lease = integer(1000...86_400_000)

    static let ofRuns: Members = [
        (
            "RunRequest",
            .request(
                [("spec", .oneOf(.reference("CodeSpec"), .reference("CommandSpec")))],
                optional: [
                    ("constraints", .reference("Constraints")),
                    ("detached", .boolean.described("The run goes on without its caller.")),
                ])
        ),
        (
            "CodeSpec",
            .request(
                [("code", .text), ("language", .choice(of: Language.self))],
                optional: [
                    ("requirements", .array(of: .string(length: 1...256)).described("Packages. They need a network."))
                ] + ofPrograms + ofSpecs
            ).described("Source code, and what it is to run in.")
        ),
        (
            "CommandSpec",
            .request(
                [("command", .reference("Command"))], optional: ofPrograms + ofSpecs
            ).described("A program that is there, and what it is to run in.")
        ),
        (
            "Command",
            .oneOf(
                .text.described("A line for `/bin/sh -c`."),
                array(of: .text, minimum: 1).with("prefixItems", [nonEmptyText.json]).described("A program and its arguments."))
        ),
        ("Constraints", constraints),
        ("RoutingRule", routingRule),
        ("RoutingTarget", routingTarget),
        (
            "Files",
            .oneOf(
                .map(of: .oneOf(.string(), .request(optional: fileContent))).described("Contents by path, inside /workspace."),
                .array(of: .request([("path", filePath)], optional: fileContent)))
        ),
        (
            "Network",
            .oneOf(
                .choice(["none", "open"]),
                .request([("allow", .array(of: .notEmpty, minimum: 1))]).described("Only these hosts."),
                .request(
                    [("deny", .array(of: .notEmpty, minimum: 1))], optional: [("allow", .array(of: .notEmpty, minimum: 1))]
                ).described("All but these networks; what is allowed beats what is denied."))
        ),
        ("Isolation", .choice(of: IsolationLevel.self).described("The least that will do.")),
        ("RunState", .choice(of: RunState.self)),
        ("Run", run),
        ("RunPage", page("runs", of: .reference("Run"), RunKind.prefix)),
        ("Failure", failure),
    ]

    private static let fileContent: Members = [
        ("content", .string()), ("contentBase64", .base64), ("mode", .string(pattern: "^[0-7]{1,3}$")),
    ]
    private static let filePath = string(pattern: "^[^/\\u0000]([^\\u0000]*[^/\\u0000])?$")

    private static let constraints = request(optional: [
        (
            "maxCost",
            oneOf(string(pattern: "^[0-9]{1,9}(\\.[0-9]{1,9})?$"), Schema(["type": "number", "minimum": 0]))
                .described("US dollars for all of it: a hard cap.")
        ),
        ("maxLatency", .integer(1...86_400_000).described("Milliseconds until the code starts. A run that could not start by then fails.")),
        ("preferredRegion", .string()),
        ("preferredProviders", .array(of: .string())),
        ("excludeProviders", .array(of: .string())),
        ("objective", .choice(of: Constraints.Objective.self).described("What best means. Not beside `weights`.")),
        ("weights", weights),
        ("routing", .reference("RoutingRule")),
        (
            "sessionKey",
            .string(length: 1...Constraints.longestSessionKey)
                .described("What runs that belong together share, for rules that keep them together. At most 256 bytes.")
        ),
        ("explore", .boolean.with("default", true).described("The run may be used to learn more of a place.")),
    ]).with(
        "not", ["properties": ["objective": ["type": "string"], "weights": ["type": "object"]], "required": ["objective", "weights"]])

    private static let weights = request(optional: [("cost", .integer(0...100, default: 0)), ("latency", .integer(0...100, default: 0))])
        .with(
            "anyOf",
            .array(["cost", "latency"].map { ["properties": [$0: ["type": "integer", "minimum": 1]], "required": [.string($0)]] })
        ).described("How much cost and latency count against each other; not both 0.")

    static func page(_ name: String, of element: Schema, _ prefix: String) -> Schema {
        object(
            [(name, .array(of: element).described("Newest first."))],
            optional: [("next", .identifier(prefix).described("For `before`, if there are more."))])
    }

    private static let run = object(
        [
            ("id", .identifier(RunKind.prefix)), ("state", .reference("RunState")),
            ("settled", .boolean.described("Final and billed.")), ("createdAt", .instant), ("cost", .money),
        ],
        optional: [
            ("provider", .string()), ("sandboxId", .identifier(SandboxKind.prefix)), ("exitCode", .integer()), ("signal", .string()),
            ("stdout", .string()), ("stdoutBase64", .base64), ("stderr", .string()), ("stderrBase64", .base64),
            ("truncated", .boolean.described("Output beyond the limit was dropped.")), ("duration", .milliseconds),
            ("timeToFirstOutput", .milliseconds), ("error", .reference("Failure")), ("metadata", .map(of: .string())),
            ("decision", .reference("Decision")),
        ])

    private static let failure = object([
        ("type", .choice(of: RunFailure.Kind.self)), ("detail", .string()), ("retryable", .boolean),
    ]).described("Why something did not come to its end by itself.")
}
