public import SandstormCore

/// A command in a living sandbox, to be read and steered.
///
/// A process that this value started and that is not detached ends with it: letting go of the value and of its events, or cancelling
/// the task that reads them, kills the process and what it started.
public struct RunningProcess: Sendable {
    /// As it was when this value was made.
    public let info: SandboxProcessInfo

    private let hold: Hold

    init(_ info: SandboxProcessInfo, _ link: any ProcessLink) {
        self.info = info
        hold = Hold(link)
    }

    /// The name by which its sandbox finds it again.
    public var id: ProcessID { info.id }

    /// What it does, in order, until it has ended. One consumer; a process that is not read stops once all buffers are full.
    public var events: SandboxStream<SandboxProcessEvent> {
        SandboxStream { [hold] () async throws(SandstormError) in try await hold.link.next() }
    }

    /// Writes to standard input; returns when the bytes are on their way. What the process does not read any more is dropped.
    public func write(_ bytes: [UInt8]) async throws(SandstormError) {
        guard !bytes.isEmpty else { return }
        try await hold.link.write(bytes)
    }

    /// Writes text to standard input.
    public func write(_ text: String) async throws(SandstormError) { try await write(Array(text.utf8)) }

    /// Ends standard input.
    public func closeInput() async throws(SandstormError) { try await hold.link.closeInput() }

    /// Sends a signal; to a process that has ended nothing happens.
    public func signal(_ signal: Signal, to target: SignalTarget = .group) async throws(SandstormError) {
        try await hold.link.signal(signal, to: target)
    }

    /// Kills the process and what it has started.
    public func kill() async throws(SandstormError) { try await signal(.kill) }

    /// Changes the size of its terminal.
    public func resize(columns: Int, rows: Int) async throws(SandstormError) {
        try await hold.link.resize(TerminalSize(columns: columns, rows: rows))
    }

    /// Reads the events to their end.
    ///
    /// - Parameter limit: the most bytes kept of each output; the rest is read and dropped.
    public func result(upTo limit: Int = CommandResult.standardLimit) async throws(SandstormError) -> CommandResult {
        var result = CommandResult(process: info)
        while let event = try await hold.link.next() { result.take(event, limit: limit) }
        return result
    }

    /// Tells the link when its consumer is gone.
    private final class Hold: Sendable {
        let link: any ProcessLink

        init(_ link: any ProcessLink) { self.link = link }

        deinit { link.abandon() }
    }
}

extension CommandResult {
    /// The most bytes kept of each output, unless told otherwise: 16 MiB.
    public static let standardLimit = 16 * 1024 * 1024
}
