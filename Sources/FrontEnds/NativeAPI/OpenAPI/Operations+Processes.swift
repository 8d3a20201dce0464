import HTTPTypes
import SandstormCore
import SandstormServer

extension Operation {
    static let ofProcesses: [Operation] = [
        Operation(
            endpoint: .processes, method: .post, id: "startProcess", tag: .processes, summary: "Starts a command.",
            description: """
                Answers when it has ended, with at most 1 MiB of each output, or streams its events: `started`, `stdout`, `stderr`, \
                `dropped`, `exited`, `failed`. A process that is not detached is killed soon after nobody follows it any more.
                """,
            body: .json(.reference("ProcessRequest")),
            answers: [
                .jsonOrEvents(.reference("ProcessOutcome"), "What it did, or its events.", headers: [Answer.location])
                    .linked(to: ["getProcess", "getProcessEvents"], ["id": "$request.path.id", "process": "$response.body#/process/id"]),
                .json(.reference("Process"), "The detached process as it was started.", status: 201, headers: [Answer.location])
                    .linked(
                        to: ["writeToProcess", "signalProcess", "resizeProcess", "killProcess"],
                        ["id": "$request.path.id", "process": "$response.body#/id"]),
            ],
            problems: Problem.Kind.ofLivingSandboxes + [.tooBusy]),
        Operation(
            endpoint: .processes, method: .get, id: "listProcesses", tag: .processes,
            summary: "The processes that run, and those that ended lately.", answers: [.json(.reference("ProcessList"), "All of them.")],
            problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .process, method: .get, id: "getProcess", tag: .processes, summary: "A process as it stands.",
            answers: [.json(.reference("Process"), "The process.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .process, method: .delete, id: "killProcess", tag: .processes, summary: "Kills a process and its group.",
            answers: [.json(.reference("Process"), "As it ended.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .processEvents, method: .get, id: "getProcessEvents", tag: .processes, summary: "What a process does.",
            description: "Whoever follows a process keeps it alive.", parameters: [follow, .lastEventID],
            answers: [.events("The events, as of `POST …/processes`.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .processInput, method: .post, id: "writeToProcess", tag: .processes, summary: "Writes to standard input.",
            description: "The body's bytes pass as they come; what the process does not read holds them up.",
            parameters: [.flag("close", "Standard input ends after them.")], body: .bytes("application/octet-stream"),
            answers: [.empty("They are on their way.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .processSignal, method: .post, id: "signalProcess", tag: .processes, summary: "Sends a signal.",
            description: "To a process that has ended, nothing happens.", body: .json(.reference("SignalRequest")),
            answers: [.empty("It is sent.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .processSize, method: .post, id: "resizeProcess", tag: .processes, summary: "Changes the size of a terminal.",
            body: .json(.reference("TerminalSize")), answers: [.empty("It is changed.")], problems: Problem.Kind.ofLivingSandboxes),
        Operation(
            endpoint: .processesSocket, method: .get, id: "startProcessOnSocket", tag: .processes,
            summary: "A WebSocket that starts a command.",
            description: "The client's first text message is the `ProcessRequest`. \(socket)", answers: [upgrade],
            problems: Problem.Kind.ofLivingSandboxes + [.invalidHeader, .upgradeRequired]),
        Operation(
            endpoint: .processSocket, method: .get, id: "followProcessOnSocket", tag: .processes, summary: "A WebSocket to a process.",
            description: socket,
            parameters: [.query("after", .integer(0...Int(Int32.max), default: 0), "The number of the last event that was received.")],
            answers: [upgrade], problems: Problem.Kind.ofLivingSandboxes + [.invalidHeader, .upgradeRequired]),
    ]

    private static let upgrade = Answer(status: 101, description: "It is a WebSocket now.")
    private static let socket = """
        Binary messages to the process are its input; text messages are `closeStdin`, `signal` and `resize`, by `type`. Binary messages \
        from it begin with 1 (standard output) or 2 (standard error); text messages are `started`, `dropped`, `exited`, `failed` and \
        `problem`.
        """
}
