import SandstormCore

extension Schema {
    static let ofPlaces: Members = [
        (
            "Decision",
            .object(
                [
                    ("objective", .choice(of: Constraints.Objective.self)),
                    ("candidates", .array(of: .reference("Candidate")).described("Best first, then those dropped.")),
                    (
                        "refusals",
                        .array(of: .object([("provider", .string()), ("reason", .string())])).described("Providers without an offer.")
                    ),
                ],
                optional: [
                    ("rule", .string().described("The rule that had a say beside the objective.")),
                    (
                        "hedge",
                        .object(
                            [
                                ("offer", .string().described("An offer's id.")),
                                ("delay", .milliseconds.described("After the first sandbox was asked for.")),
                            ], optional: [("explores", .boolean.described("It is asked for to learn of its place."))]
                        ).described("Where a second sandbox is asked for if the first place is late.")
                    ),
                ])
        ),
        (
            "Candidate",
            .object(
                [
                    ("offer", .reference("Offer")), ("kept", .boolean), ("reason", .string()), ("predictedCost", .money),
                    ("worstCost", .money), ("predictedLatency", .milliseconds),
                ],
                optional: [
                    ("costDeadline", .milliseconds.described("How long the sandbox may live so that `maxCost` holds.")),
                    (
                        "expectedCost",
                        .money.described("Of the whole run if it begins here, failure and another try elsewhere included.")
                    ),
                    ("judgedLatency", .milliseconds.described("The quantile of the time to start that the objective goes by.")),
                    ("failurePpm", .count.described("The chance that the code does not start here, in millionths.")),
                    ("score", .integer().described("Less is better, within this decision only.")),
                ])
        ),
        ("Offer", .object(offer.required, optional: offer.optional)),
        (
            "PriceQuote",
            .object(
                [
                    ("id", .string()), ("provider", .string()), ("account", .string().described("\"none\" where there is no account.")),
                    ("resources", .reference("Resources")),
                    ("configured", .boolean.described("Whether something can be run there, and not only its price is known.")),
                    ("freshness", .reference("PriceFreshness")),
                ],
                optional: [
                    ("region", .string()), ("isolation", .reference("Isolation")), ("startLatency", .milliseconds),
                    ("price", .reference("PriceSchedule")),
                    ("cost", .money.described("For the whole duration, minimum and granularity applied.")),
                    ("listCost", .money.described("For the whole duration by the list alone.")),
                    ("hourlyCost", .money.described("For an hour by the list.")),
                    ("notes", .array(of: .string()).described("What else is to be known.")),
                ])
        ),
        (
            "PriceFreshness",
            .object(
                [
                    ("origin", .choice(["shipped", "feed", "rates", "configuration", "provider"])), ("certainty", .reference("Certainty")),
                    (
                        "sources",
                        .array(of: .object([("text", .string()), ("certainty", .reference("Certainty"))], optional: [("read", .string())]))
                            .described("The least sure first.")
                    ), ("stale", .boolean.described("It held for a time that is over.")),
                ],
                optional: [
                    ("age", .milliseconds.described("Of the oldest figure, in milliseconds.")),
                    ("roundingUncertain", .boolean.described("It is not sure in what steps time is billed.")),
                    ("detail", .string().described("Why it could not be refreshed, or is not known.")),
                ])
        ),
        ("Certainty", .choice(["configured", "observed", "published", "uncertain"]).described("How far a figure can be believed.")),
        (
            "PriceScope",
            .choice(of: PriceScope.self).with("default", "market")
                .described("mine: of places with an account; market: also what sandboxes cost elsewhere; all: also other products.")
        ),
        (
            "PriceSource",
            .object(
                [("name", .string()), ("origin", .string()), ("healthy", .boolean), ("stale", .boolean)],
                optional: [
                    ("provider", .string()), ("askedAt", .instant), ("answeredAt", .instant), ("failure", .string()),
                    ("detail", .string()), ("serial", .count), ("expiresAt", .instant),
                ])
        ),
        (
            "Resources",
            .object([("cpu", .number), ("memory", .count), ("disk", .count)], optional: [("gpu", .reference("GPU"))])
        ),
        ("GPU", .object([("type", .string()), ("count", .count)])),
        ("PriceSchedule", priceSchedule),
        (
            "Provider",
            .object(
                [
                    ("id", .string()), ("healthy", .boolean), ("detail", .string()), ("isolation", .array(of: .reference("Isolation"))),
                    ("maximum", .reference("Resources")),
                ],
                optional: [
                    ("languages", .array(of: .choice(of: Language.self))), ("regions", .array(of: .string())),
                    ("gpuTypes", .array(of: .string())),
                ])
        ),
    ]

    static let number = Schema(["type": "number", "minimum": 0])

    private static let offer: (required: Members, optional: Members) = (
        required: [
            ("id", .string()), ("provider", .string()), ("account", .string()), ("isolation", .reference("Isolation")),
            ("resources", .reference("Resources")), ("price", .reference("PriceSchedule")), ("startLatency", .milliseconds),
        ],
        optional: [("region", .string())]
    )

    private static let priceSchedule = object(
        [],
        optional: [
            ("perVcpuSecond", .rate), ("perGibSecond", .rate), ("perDiskGibSecond", .rate), ("perGpuSecond", .map(of: .rate)),
            ("freeDiskGib", .count), ("perCreate", .money), ("granularity", .milliseconds), ("minimum", .milliseconds),
            (
                "scale",
                string(pattern: "^[0-9]+(/[0-9]+)?$").described("A fraction that every rate is multiplied by; 1 unless it is there.")
            ),
        ]
    ).described("What is free is left out.")
}
