import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

/// The built `sandstorm`, run as a process of its own, as users run it.
struct Program: Sendable {
    /// How a process ended and what it wrote.
    struct Outcome: Sendable, CustomStringConvertible {
        /// The exit code, or 128 plus the signal.
        var code: Int32
        var output: [UInt8]
        var errors: [UInt8]

        var stdout: String { String(decoding: output, as: UTF8.self) }
        var stderr: String { String(decoding: errors, as: UTF8.self) }
        var description: String { "exit code \(code), stdout \(stdout.debugDescription), stderr \(stderr.debugDescription)" }
    }

    /// The executable beside the running tests.
    static let path: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? CommandLine.arguments[0]
        return (own as NSString).deletingLastPathComponent + "/sandstorm"
    }()

    /// The data directory of this program's runs.
    var dataDirectory: String
    /// What holds the data directory, so that it lives as long as this value.
    var directory: TemporaryDirectory?
    /// Beyond what a program needs to run at all.
    var environment: [String: String] = [:]

    /// Runs to the end.
    func callAsFunction(_ arguments: String..., input: String? = nil) async throws -> Outcome {
        try await start(arguments, input: input).outcome()
    }

    /// Starts it.
    func start(_ arguments: [String], input: String? = nil) throws -> RunningProgram {
        try start(Program.path, arguments, input: input)
    }

    /// Starts another program in the same surroundings.
    func start(_ path: String, _ arguments: [String], input: String? = nil) throws -> RunningProgram {
        try RunningProgram(path: path, arguments: arguments, environment: surroundings, input: input)
    }

    /// The environment of its processes.
    var surroundings: [String: String] {
        var variables = ["SANDSTORM_DATA_DIR": dataDirectory]
        for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "SANDSTORM_AGENT"] { variables[name] = ProcessInfo.processInfo.environment[name] }
        return variables.merging(environment) { $1 }
    }
}

/// The program under way.
struct RunningProgram: Sendable {
    private let child: ChildProgram

    fileprivate init(path: String, arguments: [String], environment: [String: String], input: String?) throws {
        child = try ChildProgram(path, arguments, environment: environment, input: input.map { Array($0.utf8) })
    }

    /// What it has written so far.
    var stdout: String { String(decoding: child.output, as: UTF8.self) }
    var stderr: String { String(decoding: child.errors, as: UTF8.self) }
    var isRunning: Bool { child.isRunning }

    func send(_ signal: Signal) { child.send(signal) }

    /// Waits for the end; a process that takes longer than `deadline` is killed, and that is an issue.
    func outcome(within deadline: Duration = .seconds(90)) async throws -> Program.Outcome {
        guard let code = await child.wait(within: deadline) else {
            Issue.record("the program did not end within \(deadline); it wrote \(stdout.debugDescription) and \(stderr.debugDescription)")
            return Program.Outcome(code: -1, output: [], errors: [])
        }
        return Program.Outcome(code: code, output: child.output, errors: child.errors)
    }
}
