import SandstormCore
import SandstormServer

extension Schema {
    static let ofFiles: Members = [
        (
            "FileInfo",
            .object(
                [
                    ("path", .string()), ("name", .string()), ("type", .choice(of: FileInfo.Kind.self)),
                    ("size", .count.described("Bytes.")),
                    ("mode", .string(pattern: "^0[0-7]+$")), ("owner", .string()), ("group", .string()), ("modifiedAt", .instant),
                ], optional: [("target", .string().described("What a symbolic link points to."))])
        ),
        ("FileList", .object([("entries", .array(of: .reference("FileInfo")))])),
        (
            "FileAttributes",
            .request(optional: [
                ("mode", .fileMode), ("owner", .nonEmptyText), ("group", .nonEmptyText),
                ("modifiedAt", .instant),
            ])
        ),
        (
            "MoveRequest",
            .request(
                [("from", .nonEmptyText), ("to", .nonEmptyText)],
                optional: [("replace", .boolean.described("A file that is there may be replaced."))])
        ),
    ]

    static let ofSnapshots: Members = [
        (
            "SnapshotRequest",
            .request(optional: [("kind", .choice(of: SnapshotKind.self)), ("name", .string(length: 1...128))])
        ),
        (
            "Snapshot",
            .object(
                [
                    ("id", .identifier(SnapshotIDKind.prefix)), ("sandboxId", .identifier(SandboxKind.prefix)), ("provider", .string()),
                    ("kind", .choice(of: SnapshotKind.self)), ("createdAt", .instant),
                ], optional: [("name", .string())])
        ),
        ("SnapshotPage", page("snapshots", of: .reference("Snapshot"), SnapshotIDKind.prefix)),
    ]

    static let ofProblems: Members = [
        (
            "Problem",
            .object(
                [
                    ("type", .choice(Problem.Kind.allCases.map { "urn:sandstorm:problem:\($0.name)" })), ("title", .string()),
                    ("status", .integer(400...599)), ("detail", .string()), ("requestId", .string()),
                    ("retryable", .boolean.described("The same request may do better later.")),
                ],
                optional: [
                    ("errors", .array(of: .reference("FieldProblem")).described("Every problem of the body.")),
                    ("offset", .count.described("Bytes before the place where the body stops being JSON.")),
                    ("decision", .reference("Decision")),
                ])
        ),
        (
            "FieldProblem",
            .object([("pointer", .string().described("A JSON pointer into the body.")), ("detail", .string()), ("remedy", .string())])
        ),
    ]
}
