import Sandstorm

/// What a user's program prints, on its way to standard output and standard error.
///
/// Bytes go through untouched, unless a terminal shows them: there, what could steer the terminal is made visible instead.
struct ProgramOutput: Sendable {
    private let output: Channel
    private let error: Channel

    private struct Channel: Sendable {
        let stream: StandardOutput
        /// `nil` if everything passes.
        let filter: Locked<TerminalFilter>?

        init(_ stream: StandardOutput, isRaw: Bool) {
            self.stream = stream
            filter = isRaw || !stream.isTerminal ? nil : Locked(TerminalFilter())
        }

        func write(_ bytes: [UInt8]) async throws {
            guard let filter else { return try await stream.write(bytes) }
            try await stream.write(filter.withLock { $0.filter(bytes) })
        }

        func end() async throws {
            guard let filter else { return }
            try await stream.write(filter.withLock { $0.end() })
        }
    }

    /// - Parameter isRaw: whether everything passes, whatever shows it.
    init(isRaw: Bool) {
        output = Channel(.output, isRaw: isRaw)
        error = Channel(.error, isRaw: isRaw)
    }

    /// Writes all of `bytes`; see ``StandardOutput/write(_:)``.
    func write(_ bytes: [UInt8], to stream: OutputChunk.Stream) async throws {
        try await (stream == .stdout ? output : error).write(bytes)
    }

    /// Writes what was held back in the middle of a character, and takes back colours.
    func end() async throws {
        try await output.end()
        try await error.end()
    }
}
