import SandstormCore

extension Schema {
    static let ofSandboxes: Members = [
        (
            "SandboxRequest",
            .request(optional: [
                ("spec", .reference("SandboxSpec")), ("constraints", .reference("Constraints")),
                ("snapshotId", .identifier(SnapshotIDKind.prefix).described("Start with what this snapshot kept.")),
            ])
        ),
        ("SandboxSpec", .request(optional: ofSpecs).described("What kind of sandbox.")),
        ("SandboxState", .choice(of: SandboxState.self)),
        ("Sandbox", sandbox),
        ("SandboxPage", page("sandboxes", of: .reference("Sandbox"), SandboxKind.prefix)),
        ("LeaseRenewal", .request([("timeout", .lease.described("Milliseconds from now."))])),
        (
            "ForkRequest",
            .request(optional: [("timeout", .lease.described("The new one's first lease.")), ("metadata", .labels)])
        ),
        (
            "SandboxUsage",
            .object(
                [],
                optional: [
                    ("cpuTime", .milliseconds), ("memory", .count.described("Bytes.")), ("peakMemory", .count.described("Bytes.")),
                    ("memoryLimit", .count.described("Bytes.")), ("disk", .count.described("Bytes.")),
                    ("diskLimit", .count.described("Bytes.")), ("processes", .count),
                ]
            ).described("What the place does not tell is left out.")
        ),
    ]

    private static let sandbox = object(
        [
            ("id", .identifier(SandboxKind.prefix)), ("runId", .identifier(RunKind.prefix).described("Under which its life is billed.")),
            ("state", .reference("SandboxState")), ("createdAt", .instant),
            ("leaseUntil", .instant.described("It ends then, unless the lease is renewed.")), ("isolation", .reference("Isolation")),
            ("cpu", .number), ("memory", .count), ("disk", .count), ("network", .reference("Network")), ("metadata", .map(of: .string())),
            ("cost", .money.described("So far; final once it has ended.")),
        ],
        optional: [
            ("endedAt", .instant), ("provider", .string()), ("region", .string()), ("gpu", .reference("GPU")), ("image", .string()),
            ("snapshotId", .identifier(SnapshotIDKind.prefix)), ("parentId", .identifier(SandboxKind.prefix)),
            ("error", .reference("Failure")),
        ])
}
