import SandstormCore

extension Schema {
    static let ofProcesses: Members = [
        ("ProcessRequest", processRequest),
        ("TerminalSize", .request([("columns", .integer(1...65_535)), ("rows", .integer(1...65_535))])),
        ("Process", process),
        ("ProcessList", .object([("processes", .array(of: .reference("Process")))])),
        (
            "ProcessOutcome",
            .object(
                [("process", .reference("Process")), ("truncated", .boolean.described("Output beyond the limit was dropped."))],
                optional: [("stdout", .string()), ("stdoutBase64", .base64), ("stderr", .string()), ("stderrBase64", .base64)])
        ),
        (
            "SignalRequest",
            .request(
                [("signal", .oneOf(.choice(signals).described("Also with SIG in front."), .integer(1...64)))],
                optional: [("target", .choice(of: SignalTarget.self))])
        ),
    ]

    private static let signals = (1...31).map { Signal(rawValue: $0).description }.filter { Int($0) == nil }

    private static let processRequest = request(
        [("command", .reference("Command"))],
        optional: [
            ("environment", .map(of: .text, names: .string(pattern: "^[^=\\u0000]+$")).described("Beside the sandbox's own.")),
            ("workingDirectory", .string(pattern: "^/[^\\u0000]*$")), ("user", .nonEmptyText),
            (
                "terminal",
                .request(optional: [("columns", .integer(1...65_535, default: 80)), ("rows", .integer(1...65_535, default: 24))])
                    .described("A terminal of this size instead of pipes.")
            ),
            ("stdin", .string().described("Written at once; or `stdinBase64`.")), ("stdinBase64", .base64),
            ("closeStdin", .boolean.described("Input ends after `stdin`. The default where the answer is JSON that waits for the end.")),
            ("timeout", .integer(1...86_400_000).described("Milliseconds.")),
            ("detached", .boolean.described("It goes on without its caller.")),
        ])

    private static let process = object(
        [
            ("id", .identifier(ProcessKind.prefix)), ("pid", .integer().described("Inside the sandbox.")),
            ("command", .array(of: .string())), ("terminal", .boolean), ("startedAt", .instant), ("running", .boolean),
        ],
        optional: [
            ("exitCode", .integer()), ("signal", .string()), ("cpuTime", .milliseconds), ("peakMemoryKiB", .count),
            ("error", .reference("Failure")),
        ])
}
