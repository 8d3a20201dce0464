import SandstormCore
import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What happened to a sandbox, line by line: its making and its end, and the processes in it that are remembered.
struct SandboxLog: Sendable {
    enum Level: String, CaseIterable, Comparable, Sendable {
        case debug, info, warn, error

        static func < (left: Level, right: Level) -> Bool { left.rank < right.rank }

        private var rank: Int { Level.allCases.firstIndex(of: self) ?? 0 }
    }

    struct Line: Hashable, Sendable {
        var time: Date
        var level = Level.info
        var message: String
        var fields: [String: String] = [:]

        var json: JSONValue {
            [
                "timestamp": .string(time.rfc3339), "level": .string(level.rawValue), "message": .string(message), "fields": fields.json,
            ]
        }

        /// As older SDKs have it: all in one text.
        var oldJSON: JSONValue {
            var line: JSONObject = ["level": .string(level.rawValue), "message": .string(message)]
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) { line[name] = .string(value) }
            return ["timestamp": .string(time.rfc3339), "line": .string(JSONValue.object(line).encoded)]
        }
    }

    let engine: Engine

    /// All lines, oldest first.
    func lines(of sandbox: SandboxInfo, for principal: Principal) async throws -> [Line] {
        var lines: [Line] = []
        for try await event in try await engine.events(of: sandbox.run, after: 0, following: false, for: principal) {
            switch event.body {
            case .accepted: lines.append(Line(time: event.time, message: "Sandbox requested"))
            case .started(let provider, _, let attempt):
                lines.append(
                    Line(time: event.time, message: "Sandbox started", fields: ["provider": provider.rawValue, "attempt": "\(attempt)"]))
            case .attemptFailed(let attempt, let provider, _, let detail):
                lines.append(
                    Line(
                        time: event.time, level: .warn, message: "Sandbox not started: \(detail)",
                        fields: ["provider": provider.rawValue, "attempt": "\(attempt)"]))
            case .settled(let result):
                let failure = result.failure.flatMap { $0.kind == .cancelled ? nil : $0 }
                lines.append(
                    Line(
                        time: event.time, level: failure == nil ? .info : .warn,
                        message: failure.map { "Sandbox ended: \($0.detail)" } ?? "Sandbox killed"))
            default: continue
            }
        }
        if sandbox.state != .ended {
            for process in (try? await engine.processes(in: sandbox.id, for: principal)) ?? [] { lines += SandboxLog.lines(of: process) }
        }
        return lines.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(\.element)
    }

    private static func lines(of process: SandboxProcessInfo) -> [Line] {
        var fields = ["pid": "\(process.pid)", "cmd": process.arguments.joined(separator: " ")]
        var lines = [Line(time: process.startedAt, message: "Process started", fields: fields)]
        // When it ended is not remembered: it is told with its start.
        switch process.exit?.outcome {
        case .code(let code):
            fields["exitCode"] = "\(code)"
            lines.append(Line(time: process.startedAt, level: code == 0 ? .info : .warn, message: "Process exited", fields: fields))
        case .signal(let signal):
            fields["signal"] = "\(signal)"
            lines.append(Line(time: process.startedAt, level: .warn, message: "Process killed", fields: fields))
        case nil: break
        }
        return lines
    }
}
