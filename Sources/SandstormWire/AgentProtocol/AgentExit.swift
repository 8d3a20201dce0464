/// How a process ended and what it used.
package struct AgentExit: Equatable, Sendable {
    package var status: Status
    /// CPU time of the process and of its children that it waited for, in microseconds.
    package var userMicroseconds: UInt64
    package var systemMicroseconds: UInt64
    /// The largest resident set of the process or one of its waited-for children, in KiB.
    package var maximumResidentKiB: UInt64

    package init(status: Status, userMicroseconds: UInt64, systemMicroseconds: UInt64, maximumResidentKiB: UInt64) {
        self.status = status
        self.userMicroseconds = userMicroseconds
        self.systemMicroseconds = systemMicroseconds
        self.maximumResidentKiB = maximumResidentKiB
    }

    package enum Status: Equatable, Sendable {
        /// It returned from `main` or called `exit`.
        case code(Int32)
        /// This signal ended it.
        case signal(Int32)
    }
}

/// Whom a `signal` frame reaches.
package enum AgentSignalTarget: UInt8, Equatable, Sendable {
    /// The started process only.
    case process = 0
    /// Its process group: what it started too, unless that moved to a group of its own.
    case group = 1
}
