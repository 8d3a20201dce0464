import NIOCore
import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One event of a process, as envd tells it.
enum EnvdEvent: Hashable, Sendable {
    case start(pid: Int32)
    /// Of a terminal too, where output and errors are one.
    case output(ByteBuffer)
    case errors(ByteBuffer)
    case end(EnvdExit)
    /// Nothing happens, and the connection lives.
    case keepalive

    /// Reads a message of `Start` or `Connect`; `nil` if it is none.
    init?(_ payload: ByteBuffer) {
        if let data = EnvdEvent.output(in: payload) {
            self = data
            return
        }
        guard let json = try? JSONValue(parsing: payload.readableBytesView), let event = json["event"] else { return nil }
        if let start = event["start"] {
            guard let pid = start["pid"]?.intValue.flatMap({ Int32(exactly: $0) }), pid > 0 else { return nil }
            self = .start(pid: pid)
        } else if let data = event["data"]?.objectValue {
            let message = ProtobufJSON(data)
            if let bytes = try? message.bytes("stdout") ?? message.bytes("pty") {
                self = .output(ByteBuffer(bytes: bytes))
            } else if let bytes = try? message.bytes("stderr") {
                self = .errors(ByteBuffer(bytes: bytes))
            } else if data.members.isEmpty {
                // Empty output, its member left out as the default that it is.
                self = .keepalive
            } else {
                return nil
            }
        } else if let end = event["end"] {
            self = .end(EnvdExit(json: end))
        } else {
            // A keepalive, or something that a later version has added.
            self = .keepalive
        }
    }

    private static let dataPrefixes: [(prefix: [UInt8], isError: Bool)] = [
        (Array(#"{"event":{"data":{"stdout":""#.utf8), false), (Array(#"{"event":{"data":{"pty":""#.utf8), false),
        (Array(#"{"event":{"data":{"stderr":""#.utf8), true),
    ]
    private static let dataSuffix = Array(#""}}}"#.utf8)

    /// Output in the one form that every server writes it in: decoded without taking the JSON apart, as nearly all bytes come this way.
    private static func output(in payload: ByteBuffer) -> EnvdEvent? {
        let bytes = payload.readableBytesView
        guard bytes.suffix(dataSuffix.count).elementsEqual(dataSuffix),
            let form = dataPrefixes.first(where: { bytes.starts(with: $0.prefix) })
        else { return nil }
        let text = bytes.dropFirst(form.prefix.count).dropLast(dataSuffix.count)
        // What is not base64 through and through (an escape, a second member) is left to the parser.
        guard let data = Data(base64Encoded: Data(text)) else { return nil }
        return form.isError ? .errors(ByteBuffer(bytes: data)) : .output(ByteBuffer(bytes: data))
    }
}

/// How a process ended, as envd tells it.
struct EnvdExit: Hashable, Sendable {
    var code: Int32
    var exited: Bool
    var status: String
    var error: String

    init(json: JSONValue) {
        let message = ProtobufJSON(json.objectValue ?? JSONObject())
        code = (try? message.integer("exitCode")) ?? 0
        exited = (try? message.bool("exited")) ?? false
        status = (try? message.string("status")) ?? ""
        error = (try? message.string("error")) ?? ""
    }

    /// `nil` if it is not told.
    var outcome: ExitStatus.Outcome? {
        if exited { return .code(code) }
        for text in [status, error] {
            if let signal = EnvdExit.signal(in: text) { return .signal(signal) }
        }
        return code >= 0 ? .code(code) : nil
    }

    /// The server says by itself that memory ran out.
    var isOutOfMemory: Bool {
        let text = (status + " " + error).lowercased()
        return text.contains("out of memory") || text.contains("oom")
    }

    private static let signals: [String: Int32] = [
        "hangup": 1, "interrupt": 2, "quit": 3, "illegal instruction": 4, "trace/breakpoint trap": 5, "aborted": 6, "bus error": 7,
        "floating point exception": 8, "killed": 9, "user defined signal 1": 10, "segmentation fault": 11, "user defined signal 2": 12,
        "broken pipe": 13, "alarm clock": 14, "terminated": 15, "stack fault": 16, "virtual timer expired": 26,
        "profiling timer expired": 27, "I/O possible": 29, "power failure": 30, "CPU time limit exceeded": 24,
        "file size limit exceeded": 25, "bad system call": 31,
    ]

    /// Signals have the names that Go gives them, some with a remark behind: `signal: killed`, `signal: aborted (core dumped)`.
    static func signal(in text: String) -> Signal? {
        guard text.hasPrefix("signal: ") else { return nil }
        let name = text.dropFirst("signal: ".count).prefix { $0 != "(" }.trimmingSuffixSpaces()
        if let number = signals[name] { return Signal(rawValue: number) }
        let digits = name.hasPrefix("signal ") ? String(name.dropFirst("signal ".count)) : name
        return Int32(digits).flatMap { (1...64).contains($0) ? Signal(rawValue: $0) : nil }
    }
}

extension Substring {
    fileprivate func trimmingSuffixSpaces() -> String {
        var text = self
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
