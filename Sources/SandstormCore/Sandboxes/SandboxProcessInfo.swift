#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A command in a living sandbox as it stands.
public struct SandboxProcessInfo: Hashable, Sendable {
    /// The name by which its sandbox's API finds it again.
    public var id: ProcessID
    /// Its number inside the sandbox.
    public var pid: Int32
    /// The program and its arguments.
    public var arguments: [String]
    /// It has a terminal.
    public var hasTerminal: Bool
    /// What was asked to be added to the sandbox's environment. It may hold secrets: not in ``json``.
    public var environment: [String: String] = [:]
    /// Where it was started. Not in ``json``.
    public var workingDirectory = SandboxSpec.workspace
    /// What its caller calls it. Not in ``json``.
    public var label: String?
    /// When it was started.
    public var startedAt: Date
    /// When its end was seen; `nil` while it runs. Not in ``json``.
    public var endedAt: Date?
    /// How it ended; `nil` while it runs.
    public var exit: ExitStatus?
    /// Why it did not come to its end by itself.
    public var failure: RunFailure?

    /// A process that runs.
    public init(id: ProcessID, pid: Int32, arguments: [String], hasTerminal: Bool, startedAt: Date) {
        self.id = id
        self.pid = pid
        self.arguments = arguments
        self.hasTerminal = hasTerminal
        self.startedAt = startedAt
    }

    /// It has not ended, as far as is known.
    public var isRunning: Bool { exit == nil && failure == nil }

    /// The process in the form of the native API.
    public var json: JSONValue {
        var object: JSONObject = [
            "id": .string(id.rawValue), "pid": .integer(pid), "command": .strings(arguments), "terminal": .bool(hasTerminal),
            "startedAt": .string(startedAt.rfc3339), "running": .bool(isRunning),
        ]
        exit?.add(to: &object)
        if let failure {
            object["error"] = [
                "type": .string(failure.kind.rawValue), "detail": .string(failure.detail), "retryable": .bool(failure.isRetryable),
            ]
        }
        return .object(object)
    }

    /// Reads a process in the form of the native API; `nil` if it is none.
    public init?(json: JSONValue) {
        guard let object = json.objectValue, let id = object["id"]?.stringValue.flatMap({ ProcessID($0) }),
            let pid = object["pid"]?.intValue.flatMap(Int32.init(exactly:))
        else { return nil }
        self.init(
            id: id, pid: pid, arguments: object["command"]?.arrayValue?.compactMap(\.stringValue) ?? [],
            hasTerminal: object["terminal"]?.boolValue ?? false,
            startedAt: object["startedAt"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? .distantPast)
        exit = ExitStatus(object)
        if let error = object["error"] {
            failure = RunFailure(
                error["type"]?.stringValue.flatMap(RunFailure.Kind.init) ?? .internal, error["detail"]?.stringValue ?? "")
        }
    }
}

/// Something that a process in a living sandbox did. Numbered from 1 without gaps, so that a reader can go on where it was cut off.
public struct SandboxProcessEvent: Hashable, Sendable {
    /// What happened.
    public enum Body: Hashable, Sendable {
        /// It runs.
        case started(SandboxProcessInfo)
        /// Output. Never cut inside a UTF-8 character as long as the output is UTF-8. A terminal's comes as `stdout`.
        case stdout([UInt8])
        case stderr([UInt8])
        /// Output that nobody read in time is gone: this many bytes.
        case dropped(bytes: Int)
        /// It ended; the last event.
        case exited(ExitStatus)
        /// It was ended or lost; the last event.
        case failed(RunFailure)
    }

    /// The event's place, from 1; a reader that was cut off asks for what follows it.
    public var sequence: Int
    /// When the gateway noted it, by its own clock.
    public var time: Date
    /// The kind of event with what belongs to it.
    public var body: Body

    /// Takes the number as given; that there are no gaps is up to the caller.
    public init(sequence: Int, time: Date, body: Body) {
        self.sequence = sequence
        self.time = time
        self.body = body
    }

    /// Nothing follows.
    public var isLast: Bool {
        switch body {
        case .exited, .failed: true
        default: false
        }
    }

    /// The event's name in a server-sent event stream.
    public var name: String {
        switch body {
        case .started: "started"
        case .stdout: "stdout"
        case .stderr: "stderr"
        case .dropped: "dropped"
        case .exited: "exited"
        case .failed: "failed"
        }
    }

    /// The event's data in the form of the native API.
    public var data: JSONValue {
        var object = JSONObject()
        switch body {
        case .started(let info): object["process"] = info.json
        case .stdout(let bytes), .stderr(let bytes): object.setBytes(bytes, "data")
        case .dropped(let bytes): object["bytes"] = .integer(bytes)
        case .exited(let status): status.add(to: &object)
        case .failed(let failure):
            object["error"] = [
                "type": .string(failure.kind.rawValue), "detail": .string(failure.detail), "retryable": .bool(failure.isRetryable),
            ]
        }
        object["time"] = .string(time.rfc3339)
        return .object(object)
    }

    /// Reads an event of a stream; `nil` for a name or a form that this version does not know.
    public init?(sequence: Int, name: String, data: JSONValue) {
        guard let object = data.objectValue else { return nil }
        let body: Body? =
            switch name {
            case "started": object["process"].flatMap(SandboxProcessInfo.init(json:)).map(Body.started)
            case "stdout": object.bytes("data").map(Body.stdout)
            case "stderr": object.bytes("data").map(Body.stderr)
            case "dropped": object["bytes"]?.intValue.map { .dropped(bytes: $0) }
            case "exited": ExitStatus(object).map(Body.exited)
            case "failed":
                .failed(
                    RunFailure(
                        object["error"]?["type"]?.stringValue.flatMap(RunFailure.Kind.init) ?? .internal,
                        object["error"]?["detail"]?.stringValue ?? ""))
            default: nil
            }
        guard let body else { return nil }
        self.init(sequence: sequence, time: object["time"]?.stringValue.flatMap(Date.init(rfc3339:)) ?? Date(), body: body)
    }
}
