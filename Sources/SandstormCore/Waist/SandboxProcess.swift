public import NIOCore

/// One command in a sandbox.
public struct Command: Hashable, Sendable {
    /// The program, by name in the `PATH` of ``environment`` or by path, and its arguments.
    public var arguments: [String]
    /// The whole environment; what is absent here is absent there, but for the sandbox's own defaults (`PATH`, `HOME`, `LANG`).
    public var environment: [String: String]
    /// Absolute; ``SandboxSpec/workspace`` by default.
    public var workingDirectory: String
    /// A terminal of this size, or pipes.
    public var terminal: TerminalSize?
    /// A user of the sandbox by name or number; `nil` for its usual one.
    public var user: String?

    /// By default in the workspace, with pipes, with no environment but the sandbox's own, as its usual user.
    public init(
        _ arguments: [String], environment: [String: String] = [:],
        workingDirectory: String = SandboxSpec.workspace, terminal: TerminalSize? = nil, user: String? = nil
    ) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
        self.terminal = terminal
        self.user = user
    }
}

/// The size of a terminal in characters.
public struct TerminalSize: Hashable, Sendable {
    /// Characters in a line.
    public var columns: Int
    /// Lines on the screen.
    public var rows: Int

    /// Takes any numbers; 80 × 24 is usual.
    public init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
    }
}

/// A started command.
public protocol SandboxProcess: Sendable {
    /// What happens, in order, with back pressure: whoever does not read stops the process once its buffers are full.
    ///
    /// One consumer. The last event is ``ProcessEvent/exited(_:)``; a sequence that ends without it, by an error, was cut.
    var events: ProcessEvents { get }

    /// Writes to standard input; returns when the bytes are on their way.
    func write(_ bytes: ByteBuffer) async throws(ProviderError)

    /// Ends standard input.
    func closeInput() async throws(ProviderError)

    /// Sends a signal to the process alone or to its group; to one that has ended nothing happens.
    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError)

    /// Changes the size of its terminal.
    func resize(columns: Int, rows: Int) async throws(ProviderError)
}

extension SandboxProcess {
    /// Sends a signal to the process and its group.
    public func signal(_ signal: Signal) async throws(ProviderError) { try await self.signal(signal, to: .group) }
}

/// Who gets a signal.
public enum SignalTarget: String, CaseIterable, Hashable, Sendable {
    case process
    /// The process and what it has started, unless that has left the group.
    case group
}

/// Something that a process did.
public enum ProcessEvent: Hashable, Sendable {
    case started(pid: Int32)
    case stdout(ByteBuffer)
    case stderr(ByteBuffer)
    case exited(ExitStatus)
}

/// How a process ended.
public struct ExitStatus: Hashable, Sendable {
    /// How.
    public enum Outcome: Hashable, Sendable {
        case code(Int32)
        case signal(Signal)
    }

    /// Whether it ended by itself or by a signal.
    public var outcome: Outcome
    /// CPU time in user and system mode together, where the place tells it.
    public var cpuTime: Duration?
    /// The largest resident set in KiB, where the place tells it.
    public var peakMemoryKiB: Int?

    /// Without measurements, unless the place tells them.
    public init(_ outcome: Outcome, cpuTime: Duration? = nil, peakMemoryKiB: Int? = nil) {
        self.outcome = outcome
        self.cpuTime = cpuTime
        self.peakMemoryKiB = peakMemoryKiB
    }

    /// The exit code, or 128 plus the signal's number, as shells have it.
    public var shellCode: Int32 {
        switch outcome {
        case .code(let code): code
        case .signal(let signal): 128 + signal.rawValue
        }
    }
}

/// A POSIX signal by its Linux number.
public struct Signal: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number, as Linux has it.
    public let rawValue: Int32
    /// Takes any number; whether it is a signal is not checked.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// SIGHUP: its terminal is gone.
    public static let hangUp = Signal(rawValue: 1)
    /// SIGINT: what Ctrl-C sends.
    public static let interrupt = Signal(rawValue: 2)
    /// SIGKILL: can be neither caught nor ignored.
    public static let kill = Signal(rawValue: 9)
    /// SIGTERM: asks the process to end, which it may do later or never.
    public static let terminate = Signal(rawValue: 15)

    private static let names: [Int32: String] = [
        1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 5: "TRAP", 6: "ABRT", 7: "BUS", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV",
        12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM", 17: "CHLD", 18: "CONT", 19: "STOP", 24: "XCPU", 25: "XFSZ", 31: "SYS",
    ]

    /// `KILL`, `TERM`; the number where there is no name.
    public var description: String { Signal.names[rawValue] ?? String(rawValue) }

    /// Takes `KILL`, `SIGKILL` or `9`.
    public init?(named name: String) {
        let bare = name.uppercased().hasPrefix("SIG") ? String(name.dropFirst(3)) : name
        if let number = Int32(bare), (1...64).contains(number) {
            self.init(rawValue: number)
        } else if let number = Signal.names.first(where: { $0.value == bare.uppercased() })?.key {
            self.init(rawValue: number)
        } else {
            return nil
        }
    }
}

/// The events of one process. One consumer.
public typealias ProcessEvents = PulledSequence<ProcessEvent>
