import NIOCore
import SandstormCore
import SandstormEngine
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The messages of `process.Process`, in both directions.
enum ProcessMessages {
    // MARK: What is asked

    /// Reads a `StartRequest`.
    static func start(
        _ message: ProtobufJSON, as user: EnvdUser, note: E2BNote, timeout: Duration?
    ) throws(ConnectError) -> ProcessRequest {
        guard let config = try message.message("process"), let program = try config.string("cmd"), !program.isEmpty else {
            throw ConnectError(.invalidArgument, "the process has no cmd")
        }
        var command = Command([program] + (try config.strings("args")))
        guard !command.arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw ConnectError(.invalidArgument, "the command contains a NUL byte")
        }
        command.user = user.engineName
        command.workingDirectory = try user.path(try config.string("cwd") ?? note.workingDirectory ?? "")
        command.environment = note.environment.merging(try environment(config)) { _, own in own }
        if let terminal = try message.message("pty") { command.terminal = try size(terminal) }
        var request = ProcessRequest(command, timeout: timeout, detached: true)
        request.label = try message.string("tag")
        // A terminal is its own input.
        request.closesInput = try message.bool("stdin") == false && command.terminal == nil
        return request
    }

    private static func environment(_ config: ProtobufJSON) throws(ConnectError) -> [String: String] {
        let own = try config.stringMap("envs")
        for (name, value) in own where name.isEmpty || name.contains("=") || name.utf8.contains(0) || value.utf8.contains(0) {
            throw ConnectError(.invalidArgument, "the environment variable \"\(name.prefix(64))\" can't be set")
        }
        return own
    }

    /// Reads a `PTY`; `nil` if it does not say how large.
    static func size(_ terminal: ProtobufJSON) throws(ConnectError) -> TerminalSize {
        guard let size = try terminal.message("size") else { return TerminalSize(columns: 80, rows: 24) }
        let columns: UInt16 = try size.integer("cols") ?? 0
        let rows: UInt16 = try size.integer("rows") ?? 0
        return TerminalSize(columns: columns == 0 ? 80 : Int(columns), rows: rows == 0 ? 24 : Int(rows))
    }

    /// Reads the `ProcessSelector` of a message.
    static func selector(_ message: ProtobufJSON) throws(ConnectError) -> ProcessSelector {
        let selector = try message.message("process")
        if let pid: UInt32 = try selector?.integer("pid") { return .pid(Int32(clamping: pid)) }
        if let tag = try selector?.string("tag") { return .label(tag) }
        throw ConnectError(.invalidArgument, "the message names no process; send a pid or a tag")
    }

    /// Bytes for a process, and for which of its inputs.
    enum Input: Hashable, Sendable {
        case pipe([UInt8])
        case terminal([UInt8])
    }

    /// Reads the `ProcessInput` of a message.
    static func input(_ message: ProtobufJSON) throws(ConnectError) -> Input {
        let input = try message.message("input")
        if let bytes = try input?.bytes("stdin") { return .pipe(bytes) }
        if let bytes = try input?.bytes("pty") { return .terminal(bytes) }
        throw ConnectError(.invalidArgument, "the message has no input; send stdin or pty")
    }

    /// Reads the `Signal` of a message.
    static func signal(_ message: ProtobufJSON) throws(ConnectError) -> Signal {
        let names: KeyValuePairs = ["SIGNAL_UNSPECIFIED": 0, "SIGNAL_SIGKILL": 9, "SIGNAL_SIGTERM": 15]
        switch try message.enumeration("signal", names) ?? 0 {
        case 9: return .kill
        case 15: return .terminate
        default: throw ConnectError(.unimplemented, "only SIGNAL_SIGTERM and SIGNAL_SIGKILL can be sent")
        }
    }

    // MARK: What is told

    /// A `ListResponse`.
    static func list(_ processes: [SandboxProcessInfo], note: E2BNote) -> JSONValue {
        processes.isEmpty ? [:] : ["processes": .array(processes.map { info($0, note) })]
    }

    /// A `ProcessInfo`. Fields with default values are left out, as protobuf's JSON has it.
    private static func info(_ process: SandboxProcessInfo, _ note: E2BNote) -> JSONValue {
        var config: JSONObject = ["cmd": .string(process.arguments.first ?? "")]
        if process.arguments.count > 1 { config["args"] = .strings(process.arguments.dropFirst()) }
        // What every process has is not told of each.
        let environment = process.environment.filter { note.environment[$0.key] != $0.value }
        if !environment.isEmpty { config["envs"] = environment.json }
        config["cwd"] = .string(process.workingDirectory)
        var object: JSONObject = ["config": .object(config), "pid": .integer(process.pid)]
        object["tag"] = process.label.map(JSONValue.string)
        return .object(object)
    }

    static let keepalive: JSONValue = ["event": ["keepalive": [:]]]

    /// The event that a process runs.
    static func started(_ pid: Int32) -> ByteBuffer { encoded(["event": ["start": ["pid": .integer(pid)]]]) }

    /// The event of output; a terminal has one only.
    static func output(_ bytes: [UInt8], isError: Bool, hasTerminal: Bool) -> ByteBuffer {
        data(bytes, hasTerminal ? "pty" : isError ? "stderr" : "stdout")
    }

    /// The event that a process has ended by itself or by a signal.
    ///
    /// - Parameter isOutOfMemory: it was killed as memory ran out, for which the protocol has no more than a word for people.
    static func ended(_ status: ExitStatus, isOutOfMemory: Bool = false) -> ByteBuffer {
        encoded(["event": ["end": end(status, remark: isOutOfMemory ? " (out of memory)" : "")]])
    }

    private static func end(_ status: ExitStatus, remark: String) -> JSONValue {
        switch status.outcome {
        case .code(0): ["exited": true, "status": "exit status 0"]
        case .code(let code):
            [
                "exitCode": .integer(code), "exited": true, "status": .string("exit status \(code)"),
                "error": .string("exit status \(code)"),
            ]
        case .signal(let signal):
            [
                "exitCode": -1, "status": .string("signal: \(name(of: signal))"), "error": .string("signal: \(name(of: signal))\(remark)"),
            ]
        }
    }

    /// As the vendor's platform spells it, where it has a word.
    private static func name(of signal: Signal) -> String {
        let names: [Int32: String] = [
            1: "hangup", 2: "interrupt", 3: "quit", 4: "illegal instruction", 5: "trace/breakpoint trap", 6: "aborted", 7: "bus error",
            8: "floating point exception", 9: "killed", 10: "user defined signal 1", 11: "segmentation fault", 12: "user defined signal 2",
            13: "broken pipe", 14: "alarm clock", 15: "terminated",
        ]
        return names[signal.rawValue] ?? "signal \(signal.rawValue)"
    }

    /// Written out, as nearly all that goes over the wire is this.
    private static func data(_ bytes: [UInt8], _ kind: StaticString) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count * 4 / 3 + 48)
        buffer.writeStaticString("{\"event\":{\"data\":{\"")
        buffer.writeStaticString(kind)
        buffer.writeStaticString("\":\"")
        buffer.writeBytes(Data(bytes).base64EncodedData())
        buffer.writeStaticString("\"}}}")
        return buffer
    }

    private static func encoded(_ json: JSONValue) -> ByteBuffer { ByteBuffer(bytes: json.encodedBytes) }
}
