import SandstormCore

extension Schema {
    static let ofPlaces: Members = [
        (
            "Decision",
            .object([
                ("objective", .choice(of: Constraints.Objective.self)),
                ("candidates", .array(of: .reference("Candidate")).described("Best first, then those dropped.")),
                (
                    "refusals",
                    .array(of: .object([("provider", .string()), ("reason", .string())])).described("Providers without an offer.")
                ),
            ])
        ),
        (
            "Candidate",
            .object(
                [
                    ("offer", .reference("Offer")), ("kept", .boolean), ("reason", .string()), ("predictedCost", .money),
                    ("worstCost", .money), ("predictedLatency", .milliseconds),
                ], optional: [("costDeadline", .milliseconds)])
        ),
        ("Offer", .object(offer.required, optional: offer.optional)),
        (
            "PriceQuote",
            .object(offer.required, optional: offer.optional + [("cost", .money.described("For the whole duration."))])
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
            ("perCreate", .money), ("granularity", .milliseconds), ("minimum", .milliseconds),
        ]
    ).described("What is free is left out.")
}
