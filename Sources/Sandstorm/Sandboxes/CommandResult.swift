public import SandstormCore

/// How a command in a living sandbox ended, and what it wrote.
public struct CommandResult: Hashable, Sendable {
    /// The command as its sandbox knows it.
    public var process: SandboxProcessInfo
    /// The exit code, if it ended by itself.
    public var exitCode: Int32?
    /// The signal that ended it.
    public var signal: Signal?
    /// Why it did not come to its end.
    public var failure: RunFailure?
    /// Standard output up to the limit; see ``truncated``. All that a command with a terminal writes is here.
    public var stdoutBytes: [UInt8] = []
    /// Standard error up to the limit; see ``truncated``.
    public var stderrBytes: [UInt8] = []
    /// There was more output than is here.
    public var truncated = false

    init(process: SandboxProcessInfo) { self.process = process }

    /// Standard output as text; bytes that are not UTF-8 are shown as U+FFFD.
    public var stdout: String { String(decoding: stdoutBytes, as: UTF8.self) }
    /// Standard error as text; bytes that are not UTF-8 are shown as U+FFFD.
    public var stderr: String { String(decoding: stderrBytes, as: UTF8.self) }
    /// It ended by itself, with exit code 0.
    public var isSuccess: Bool { exitCode == 0 && failure == nil }
}

extension CommandResult {
    /// Takes what an event says; of output, at most `limit` bytes of each stream are kept.
    mutating func take(_ event: SandboxProcessEvent, limit: Int) {
        switch event.body {
        case .started(let info): process = info
        case .stdout(let bytes): CommandResult.append(bytes, to: &stdoutBytes, limit, &truncated)
        case .stderr(let bytes): CommandResult.append(bytes, to: &stderrBytes, limit, &truncated)
        case .dropped: truncated = true
        case .exited(let status):
            process.exit = status
            switch status.outcome {
            case .code(let code): exitCode = code
            case .signal(let number): signal = number
            }
        case .failed(let failure):
            process.failure = failure
            self.failure = failure
        }
    }

    private static func append(_ bytes: [UInt8], to all: inout [UInt8], _ limit: Int, _ truncated: inout Bool) {
        let room = limit - all.count
        if bytes.count > room { truncated = true }
        all += bytes.prefix(max(0, room))
    }
}
