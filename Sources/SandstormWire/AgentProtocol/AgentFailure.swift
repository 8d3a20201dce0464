/// Why something that the gateway asked for did not happen.
///
/// On a channel other than 0 it is the last frame, unless the stage is ``Stage/unsupportedFrame``.
package struct AgentFailure: Error, Equatable, Sendable {
    /// Linux's errno; 0 when no system call was the cause.
    package var errno: Int32
    package var stage: Stage
    /// One line for people; it may contain paths from inside the sandbox.
    package var message: String

    package init(errno: Int32, stage: Stage, message: String) {
        self.errno = errno
        self.stage = stage
        self.message = message
    }

    /// Whether the channel is closed by it.
    package var endsChannel: Bool { stage != .unsupportedFrame }

    /// Where it went wrong. An open set: a newer agent may know more stages.
    package struct Stage: RawRepresentable, Hashable, Sendable {
        package var rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The agent does not know or support what was asked, or its arguments make no sense; nothing was done.
        package static let request = Stage(rawValue: 0)
        /// The program is missing (ENOENT), not executable (EACCES, ENOEXEC), or its arguments are too long (E2BIG).
        package static let program = Stage(rawValue: 1)
        /// The working directory is missing (ENOENT), is none (ENOTDIR), or may not be entered (EACCES).
        package static let directory = Stage(rawValue: 2)
        /// The sandbox is out of processes, file descriptors, memory or terminals.
        package static let resources = Stage(rawValue: 3)
        /// A file could not be opened, read, written or put in its place.
        package static let file = Stage(rawValue: 4)
        /// The gateway broke the protocol on this channel; its process was killed or its transfer dropped. On channel 0 the agent exits.
        package static let violation = Stage(rawValue: 5)
        /// A frame of an unknown kind came on an open channel (or on channel 0). It was skipped, and the channel lives on.
        package static let unsupportedFrame = Stage(rawValue: 6)
        /// The archive is none, is cut, or has a member that may not be unpacked. What came before it stays.
        package static let archive = Stage(rawValue: 7)
        /// There is no such user or group (ENOENT), or the agent may not act for it (EPERM).
        package static let user = Stage(rawValue: 8)
        /// Nothing listens on the port (ECONNREFUSED), or it can't be reached.
        package static let port = Stage(rawValue: 9)
    }
}

extension AgentFailure.Stage: CustomStringConvertible {
    package var description: String {
        switch self {
        case .request: "request"
        case .program: "program"
        case .directory: "directory"
        case .resources: "resources"
        case .file: "file"
        case .violation: "violation"
        case .unsupportedFrame: "unsupported frame"
        case .archive: "archive"
        case .user: "user"
        case .port: "port"
        default: "stage \(rawValue)"
        }
    }
}
