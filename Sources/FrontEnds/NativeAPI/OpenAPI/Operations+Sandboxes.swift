import HTTPTypes
import SandstormCore
import SandstormServer

extension Operation {
    static let ofSandboxes: [Operation] = [
        Operation(
            endpoint: .sandboxes, method: .post, id: "createSandbox", tag: .sandboxes, summary: "Makes a sandbox.",
            description: "Answers once processes can be started in it. It ends with its lease unless that is renewed.",
            parameters: [.idempotencyKey], body: .optionalJSON(.reference("SandboxRequest")),
            answers: [
                .json(.reference("Sandbox"), "The new sandbox.", status: 201, headers: [Answer.location]).linked(to: onSandboxes),
                .json(.reference("Sandbox"), "The sandbox that the idempotency key led to.", headers: [Answer.replayed]),
            ],
            problems: Problem.Kind.ofAdmission + Problem.Kind.ofLivingSandboxes + [.notFound]),
        Operation(
            endpoint: .sandboxes, method: .get, id: "listSandboxes", tag: .sandboxes, summary: "Lists sandboxes, newest first.",
            description: "`metadata.KEY=VALUE` selects those with this label; several of them must all be there.",
            parameters: [
                Parameter(
                    name: "state", place: "query", schema: .array(of: .reference("SandboxState")), description: "Only in these states.",
                    isList: true)
            ] + Parameter.page(SandboxKind.prefix),
            answers: [.json(.reference("SandboxPage"), "Those that have ended too, unless `state` says otherwise.")]),
        Operation(
            endpoint: .sandbox, method: .get, id: "getSandbox", tag: .sandboxes, summary: "A sandbox as it stands.",
            answers: [.json(.reference("Sandbox"), "The sandbox, also one that has ended.")]),
        Operation(
            endpoint: .sandbox, method: .patch, id: "renewSandbox", tag: .sandboxes, summary: "Sets when a sandbox's lease ends.",
            body: .json(.reference("LeaseRenewal")), answers: [.json(.reference("Sandbox"), "With its new lease.")],
            problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .sandbox, method: .delete, id: "killSandbox", tag: .sandboxes, summary: "Ends a sandbox and everything in it.",
            description: "One that has ended is answered as it is.",
            answers: [.json(.reference("Sandbox"), "Ended and billed.")], problems: [.providerFailed, .providerTimedOut]),
        Operation(
            endpoint: .sandboxPause, method: .post, id: "pauseSandbox", tag: .sandboxes, summary: "Freezes every process of a sandbox.",
            description: "The lease goes on. Pausing what is paused changes nothing.",
            answers: [.json(.reference("Sandbox"), "Paused.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .sandboxResume, method: .post, id: "resumeSandbox", tag: .sandboxes, summary: "Lets frozen processes go on.",
            answers: [.json(.reference("Sandbox"), "Running.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .sandboxFork, method: .post, id: "forkSandbox", tag: .sandboxes, summary: "Makes a second sandbox like this one.",
            description: "With this one's files; it lives and is billed by itself.", body: .optionalJSON(.reference("ForkRequest")),
            answers: [.json(.reference("Sandbox"), "The new one.", status: 201, headers: [Answer.location])],
            problems: Problem.Kind.ofLivingSandboxes + Problem.Kind.ofAdmission),
        Operation(
            endpoint: .sandboxUsage, method: .get, id: "getSandboxUsage", tag: .sandboxes, summary: "What a sandbox uses at this moment.",
            answers: [.json(.reference("SandboxUsage"), "As far as its place tells.")], problems: Problem.Kind.ofLivingSandboxes),
    ]

    /// What can be done with a new sandbox.
    private static let onSandboxes = [
        "getSandbox", "renewSandbox", "pauseSandbox", "resumeSandbox", "forkSandbox", "getSandboxUsage", "createSnapshot", "startProcess",
        "listProcesses", "writeFile", "readFile", "getFileInfo", "listFiles", "makeDirectory", "moveFile", "changeFile", "deleteFile",
        "packFiles", "unpackFiles", "killSandbox",
    ]

    static let ofSnapshots: [Operation] = [
        Operation(
            endpoint: .sandboxSnapshots, method: .post, id: "createSnapshot", tag: .snapshots, summary: "Keeps a copy of a sandbox.",
            description: "The files as they were at one moment; the sandbox goes on.", body: .optionalJSON(.reference("SnapshotRequest")),
            answers: [
                .json(.reference("Snapshot"), "The copy.", status: 201, headers: [Answer.location])
                    .linked(to: ["getSnapshot", "deleteSnapshot"])
            ],
            problems: Problem.Kind.ofLivingSandboxes + [.diskFull]),
        Operation(
            endpoint: .snapshots, method: .get, id: "listSnapshots", tag: .snapshots, summary: "Lists snapshots, newest first.",
            parameters: [.query("sandboxId", .identifier(SandboxKind.prefix), "Only of this sandbox.")]
                + Parameter.page(SnapshotIDKind.prefix),
            answers: [.json(.reference("SnapshotPage"), "Some of them.")]),
        Operation(
            endpoint: .snapshot, method: .get, id: "getSnapshot", tag: .snapshots, summary: "A snapshot.",
            answers: [.json(.reference("Snapshot"), "The snapshot.")]),
        Operation(
            endpoint: .snapshot, method: .delete, id: "deleteSnapshot", tag: .snapshots, summary: "Removes a snapshot.",
            description: "Sandboxes that were made from it live on.", answers: [.empty("It is gone.")],
            problems: [.unsupported, .providerFailed, .providerTimedOut]),
    ]
}
