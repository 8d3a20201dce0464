/// A command that a caller wants started in a living sandbox.
public struct ProcessRequest: Hashable, Sendable {
    /// What to start; its environment is added to the sandbox's own.
    public var command: Command
    /// Bytes for standard input, written at once. It stays open for more, unless ``closesInput``.
    public var stdin: [UInt8]
    /// Standard input ends after ``stdin``.
    public var closesInput: Bool
    /// How long it may run before it is killed; `nil` for as long as its sandbox lives.
    public var timeout: Duration?
    /// It goes on when the caller goes away.
    public var detached: Bool
    /// What the caller calls it, to find it again in its sandbox. Front ends may offer it; the native API has ids only.
    public var label: String?

    /// By default with open input, for as long as the caller stays.
    public init(_ command: Command, stdin: [UInt8] = [], closesInput: Bool = false, timeout: Duration? = nil, detached: Bool = false) {
        self.command = command
        self.stdin = stdin
        self.closesInput = closesInput
        self.timeout = timeout
        self.detached = detached
    }
}

extension ProcessRequest {
    /// Reads the body of `POST /v1/sandboxes/{id}/processes`.
    ///
    /// - Throws: ``InvalidRequest`` with every problem.
    public init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        var words: [String] = []
        if let value = reader.value("command") {
            // A command as one string is a line for the shell, as in a spec.
            words = value.stringValue.map { ["/bin/sh", "-c", $0] } ?? reader.strings("command") ?? []
            if words.first?.isEmpty ?? true { reader.report("command", "names no program", remedy: "send [\"program\", \"argument\", …]") }
        } else if json.objectValue != nil {
            reader.report("command", "is missing", remedy: "send [\"program\", \"argument\", …], or one string for the shell")
        }
        var command = Command(words, environment: reader.stringMap("environment") ?? [:])
        if let directory = reader.string("workingDirectory") {
            if !directory.hasPrefix("/") { reader.report("workingDirectory", "is not absolute", remedy: "begin it with /") }
            command.workingDirectory = directory
        }
        command.user = reader.string("user")
        if let value = reader.value("terminal") {
            var nested = JSONReader(value, at: "/terminal")
            let columns = nested.integer("columns", in: 1...65_535, unit: "characters")
            let rows = nested.integer("rows", in: 1...65_535, unit: "lines")
            reader.merge(nested.finish())
            command.terminal = TerminalSize(columns: columns ?? 80, rows: rows ?? 24)
        }
        let text = reader.string("stdin").map { Array($0.utf8) }
        let bytes = reader.base64("stdinBase64")
        if text != nil, bytes != nil { reader.report("stdinBase64", "is given beside stdin", remedy: "send one of the two") }
        let closesInput = reader.bool("closeStdin") ?? false
        let timeout = reader.integer("timeout", in: 1...86_400_000, unit: "milliseconds").map { Duration.milliseconds($0) }
        let detached = reader.bool("detached") ?? false
        if words.contains(where: { $0.utf8.contains(0) }) { reader.report("command", "contains a NUL byte", remedy: "remove it") }
        for (name, value) in command.environment.sorted(by: { $0.key < $1.key })
        where name.isEmpty || name.contains("=") || name.utf8.contains(0) || value.utf8.contains(0) {
            reader.report(
                "environment/\(JSONReader.escape(name))", "can't be set", remedy: "use a name without \"=\", and no NUL bytes")
        }
        for (field, value) in [("workingDirectory", command.workingDirectory), ("user", command.user ?? "-")]
        where value.isEmpty || value.utf8.contains(0) {
            reader.report(field, "is empty or contains a NUL byte", remedy: "send a name, or leave it out")
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(command, stdin: text ?? bytes ?? [], closesInput: closesInput, timeout: timeout, detached: detached)
    }

    /// The body of `POST /v1/sandboxes/{id}/processes`.
    public var json: JSONValue {
        var object: JSONObject = ["command": .strings(command.arguments)]
        if !command.environment.isEmpty { object["environment"] = command.environment.json }
        if command.workingDirectory != SandboxSpec.workspace { object["workingDirectory"] = .string(command.workingDirectory) }
        object["user"] = command.user.map(JSONValue.string)
        if let size = command.terminal { object["terminal"] = ["columns": .integer(size.columns), "rows": .integer(size.rows)] }
        if !stdin.isEmpty { object.setBytes(stdin, "stdin") }
        if closesInput { object["closeStdin"] = true }
        object["timeout"] = timeout.map { .integer($0.wholeMilliseconds) }
        if detached { object["detached"] = true }
        return .object(object)
    }
}
