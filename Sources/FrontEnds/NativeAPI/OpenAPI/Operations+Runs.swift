import HTTPTypes
import SandstormCore
import SandstormServer

extension Operation {
    static let ofRuns: [Operation] = [
        Operation(
            endpoint: .runs, method: .post, id: "createRun", tag: .runs, summary: "Runs code.",
            description: """
                Answers when the run is settled, however it ended, or streams its events: `accepted`, `decision`, `started`, `stdout`, \
                `stderr`, `exited`, `settled`. Hanging up cancels a run that is not detached.
                """,
            parameters: [.idempotencyKey, .lastEventID], body: .json(.reference("RunRequest")),
            answers: [
                .jsonOrEvents(
                    .reference("Run"), "The settled run, or its events.", headers: [Answer.location, Answer.replayed, overhead, journal]
                )
                .linked(to: ["getRun", "getRunEvents", "getRunLogs", "cancelRun"]),
                .json(
                    .reference("Run"), "The detached run as it was accepted.", status: 202, headers: [Answer.location, Answer.replayed]
                ).linked(to: ["getRun", "getRunEvents", "getRunLogs", "cancelRun"]),
            ],
            problems: Problem.Kind.ofAdmission),
        Operation(
            endpoint: .runs, method: .get, id: "listRuns", tag: .runs, summary: "Lists runs, newest first.",
            parameters: [
                Parameter(
                    name: "state", place: "query", schema: .array(of: .reference("RunState")), description: "Only in these states.",
                    isList: true)
            ] + Parameter.page(RunKind.prefix),
            answers: [.json(.reference("RunPage"), "Without outputs.")]),
        Operation(
            endpoint: .run, method: .get, id: "getRun", tag: .runs, summary: "A run as it stands, or its events.",
            description: "`follow` and `Last-Event-ID` are for events: with JSON, `follow` is refused.", parameters: [.lastEventID],
            answers: [.jsonOrEvents(.reference("Run"), "The run, or its events.")]),
        Operation(
            endpoint: .run, method: .delete, id: "cancelRun", tag: .runs, summary: "Cancels a run.",
            description: "Again, or too late, it changes nothing.",
            answers: [.json(.reference("Run"), "The settled run.")]),
        Operation(
            endpoint: .runEvents, method: .get, id: "getRunEvents", tag: .runs, summary: "A run's events from its first on.",
            parameters: [follow, .lastEventID], answers: [.events("The events, as of `POST /v1/runs`.")]),
        Operation(
            endpoint: .runLogs, method: .get, id: "getRunLogs", tag: .runs, summary: "What a run printed.",
            parameters: [
                .query("stream", .choice(["stdout", "stderr"]), "Only this output."),
                .flag("follow", "Goes on until the run ends."), .lastEventID,
            ],
            answers: [
                Answer(
                    status: 200, description: "The bytes, or one JSON object a line.",
                    content: [(OfferedType.plainText.rawValue, .string()), (OfferedType.jsonLines.rawValue, .string())])
            ]),
    ]

    private static let overhead = (
        name: "Sandstorm-Overhead-Us",
        description: "Microseconds that the gateway itself added, without waits for provider, code, client and journal."
    )
    private static let journal = (
        name: "Sandstorm-Journal-Us", description: "Microseconds that were spent waiting until the journal was durable."
    )

    static let follow = Parameter.flag("follow", "Waits for events to come; the default. `false` ends with what there is.")

    static let ofPlaces: [Operation] = [
        Operation(
            endpoint: .decisions, method: .post, id: "decide", tag: .places, summary: "Where a run would go, and why.",
            description: "Nothing is run. That nothing can run it is an answer, not a problem.", body: .json(.reference("RunRequest")),
            answers: [.json(.reference("Decision"), "The offers, ranked.")]),
        Operation(
            endpoint: .providers, method: .get, id: "listProviders", tag: .places, summary: "The places that this gateway knows.",
            answers: [.json(.object([("providers", .array(of: .reference("Provider")))]), "All of them.")]),
        Operation(
            endpoint: .prices, method: .get, id: "listPrices", tag: .places, summary: "What a sandbox would cost at each place.",
            parameters: [
                .query("cpu", Schema(["type": "number", "exclusiveMinimum": 0, "maximum": 64]), "vCPUs."),
                .query("memory", .integer(SandboxSpec.Limits.memory), "MiB."), .query("disk", .integer(SandboxSpec.Limits.disk), "GiB."),
                .query("gpu", .notEmpty, "A GPU's type."),
                .query("isolation", .reference("Isolation"), "The least that will do."),
                .query("network", .choice(["none", "open"]), "What it may reach."), .query("region", .notEmpty, "Where it must be."),
                .query("scope", .reference("PriceScope"), "Whose prices."),
                .query(
                    "duration", .integer(1...PriceRoutes.maximumDuration, default: PriceRoutes.standardDuration), "Milliseconds."),
            ],
            answers: [
                .json(
                    .object([
                        ("duration", .milliseconds), ("prices", .array(of: .reference("PriceQuote")).described("Cheapest first.")),
                        ("sources", .array(of: .reference("PriceSource")).described("Who is asked for prices, and how that went.")),
                    ]),
                    "What every offer asks that can take such a sandbox, and what is known of places without an account.")
            ]),
    ]

    static let ofGateway: [Operation] = [
        Operation(
            endpoint: .health, method: .get, id: "getHealth", tag: .gateway, summary: "Whether the process serves.",
            answers: [.json(.object([("status", .choice(["ok"]))]), "It does.")]),
        Operation(
            endpoint: .readiness, method: .get, id: "getReadiness", tag: .gateway, summary: "Whether runs can be accepted.",
            answers: [.json(.object([("status", .choice(["ready"])), ("detail", .string())]), "They can.")], problems: [.notReady]),
        Operation(
            endpoint: .metrics, method: .get, id: "getMetrics", tag: .gateway, summary: "The gateway's numbers.",
            answers: [
                Answer(
                    status: 200, description: "Prometheus' text format.", content: [(OfferedType.plainText.rawValue, .string())])
            ]),
        Operation(
            endpoint: .openAPI, method: .get, id: "getOpenAPI", tag: .gateway, summary: "This document.",
            answers: [.json(.anyObject, "OpenAPI 3.1.")]),
    ]
}
