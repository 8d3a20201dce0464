/// A process to start.
package struct AgentStart: Equatable, Sendable {
    /// The program and its arguments; the program is looked up in the `PATH` of ``environment`` unless it contains a slash.
    package var arguments: [[UInt8]]
    /// `KEY=VALUE` entries: the whole environment, nothing is inherited.
    package var environment: [[UInt8]]
    /// The working directory; empty means the agent's own. A relative program path is relative to it.
    package var directory: [UInt8]
    /// Gives the process a terminal of this size as controlling terminal, stdin, stdout and stderr.
    package var terminal: AgentTerminalSize?
    /// The process's umask; nil means the agent's own.
    package var umask: UInt16?
    /// Whom the process is to run as: `name`, `number`, or either with `:group`; nil means as the agent.
    package var user: [UInt8]?
    package var flags: Flags

    package init(
        arguments: [[UInt8]],
        environment: [[UInt8]] = [],
        directory: [UInt8] = [],
        terminal: AgentTerminalSize? = nil,
        umask: UInt16? = nil,
        user: [UInt8]? = nil,
        flags: Flags = []
    ) {
        self.arguments = arguments
        self.environment = environment
        self.directory = directory
        self.terminal = terminal
        self.umask = umask
        self.user = user
        self.flags = flags
    }

    /// Convenience for text, which is what nearly all arguments are.
    package init(
        arguments: [String],
        environment: [String] = [],
        directory: String = "",
        terminal: AgentTerminalSize? = nil,
        umask: UInt16? = nil,
        user: String? = nil,
        flags: Flags = []
    ) {
        self.init(
            arguments: arguments.map { Array($0.utf8) },
            environment: environment.map { Array($0.utf8) },
            directory: Array(directory.utf8),
            terminal: terminal,
            umask: umask,
            user: user.map { Array($0.utf8) },
            flags: flags
        )
    }

    /// Switches of a start. Bits that the agent does not know make it refuse the start.
    package struct Flags: OptionSet, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Standard input is `/dev/null` from the start; `stdin` frames are discarded. Ignored with a terminal.
        package static let stdinClosed = Flags(rawValue: 1 << 0)
        /// Standard error goes into the same pipe as standard output, which keeps their order exact; all output comes as `stdout`.
        package static let mergesStderr = Flags(rawValue: 1 << 1)

        /// ``AgentStart/user`` follows the other fields. Set and cleared by the encoder.
        package static let hasUser = Flags(rawValue: 1 << 2)

        package static let known: Flags = [.stdinClosed, .mergesStderr, .hasUser]
    }
}

/// The size of a PTY in character cells.
package struct AgentTerminalSize: Equatable, Sendable {
    package var columns: UInt16
    package var rows: UInt16

    package init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}
