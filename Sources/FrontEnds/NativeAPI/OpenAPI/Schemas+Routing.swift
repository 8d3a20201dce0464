import SandstormCore

extension Schema {
    /// Which places may serve, and which come first.
    static let routingRule = Schema([
        "oneOf": .array(
            [
                rule("pinned", "Only what the target names.", [("to", target)]),
                rule("fallback", "The first target that can serve.", [("order", list(of: target))], [("others", others(false))]),
                rule(
                    "split", "To one of the shares by chance, in proportion to their weights; sessions to the same.",
                    [("shares", shares)], [("others", others(false))]),
                rule(
                    "canary", "So many of the runs or sessions try the target first; the rest try it last.",
                    [("to", target), ("percent", Schema(["type": "number", "minimum": 0, "maximum": 100, "multipleOf": .number("0.01")]))]),
                rule(
                    "sticky", "Runs with the same `sessionKey` go to the same place while it can serve.", [],
                    [("by", .choice(of: RoutingRule.Place.self).with("default", "account"))]),
                rule("regions", "The first region that can serve.", [("order", list(of: .notEmpty))], [("others", others(true))]),
                rule("excluded", "Nothing that a target names.", [("targets", list(of: target))]),
                rule(
                    "schedule", "The rule of the first window that the time lies in.", [("windows", list(of: window))],
                    [
                        (
                            "utcOffset",
                            .string(pattern: "^(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)$").described("Of the windows' local time.")
                        ),
                        ("otherwise", .reference("RoutingRule").described("Outside of all windows.")),
                    ]),
                rule(
                    "all", "All of them: what one drops is dropped, an earlier one's order comes before a later one's.",
                    [("rules", list(of: .reference("RoutingRule")))]),
            ].map(\.json)),
        "description": .string(
            "Which places may serve, and which come first, before cost and latency decide. "
                + "Rules nest at most \(RoutingRule.deepestNesting) deep."),
    ])

    /// Some of the offers.
    static let routingTarget = oneOf(
        .notEmpty.described("A provider's name; or, with a slash in it, an offer's id."),
        .request(optional: [("provider", .notEmpty), ("account", .notEmpty), ("region", .notEmpty), ("offer", .notEmpty)])
            .with("anyOf", .array(["provider", "account", "region", "offer"].map(member(notNull:))))
            .described("What equals it in all that it names, which is at least one."))

    private static func member(notNull name: String) -> JSONValue {
        ["properties": [name: ["type": "string"]], "required": [.string(name)]]
    }

    private static let shares = list(of: .request([("to", target), ("weight", .integer(0...1_000_000))]))
        .with("contains", ["properties": ["weight": ["minimum": 1]]]).described("At least one weighs something.")

    private static let target = reference("RoutingTarget")

    private static let window = request(
        [("rule", .reference("RoutingRule"))],
        optional: [
            ("days", .array(of: .choice(of: RoutingRule.Weekday.self), minimum: 1).described("On which it begins; every day by default.")),
            ("from", .string(pattern: "^([01][0-9]|2[0-3]):[0-5][0-9]$").with("default", "00:00")),
            (
                "to",
                .string(pattern: "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$").with("default", "24:00")
                    .described("On the next day unless it is later than `from`.")
            ),
        ])

    private static func others(_ value: Bool) -> Schema {
        boolean.with("default", .bool(value)).described("Whether what is not named may serve when nothing that is named can.")
    }

    private static func list(of element: Schema) -> Schema {
        array(of: element, minimum: 1).with("maxItems", .integer(RoutingRule.longestList))
    }

    private static func rule(_ type: String, _ description: String, _ required: Members, _ optional: Members = []) -> Schema {
        request([("type", choice([type]))] + required, optional: optional).described(description)
    }
}
