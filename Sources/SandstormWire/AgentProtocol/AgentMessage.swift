/// What the gateway and the agent say to each other.
///
/// Each case names its direction: G→A from the gateway to the agent, A→G back. Paths, arguments and environment entries are bytes, as the
/// kernel has them; numbers of errors and signals are Linux's, also when the gateway runs elsewhere.
package enum AgentMessage: Equatable, Sendable {
    /// A→G on channel 0, once, first.
    case hello(AgentHello)
    /// G→A on channel 0, at any time; answered by `pong` with the same token, ahead of no data already queued.
    case ping(token: UInt64)
    /// A→G on channel 0.
    case pong(token: UInt64)
    /// G→A on channel 0: kill everything and exit 0. The transport's end is the answer.
    case shutdown
    /// Both ways: the receiver of data on this channel allows that many bytes more.
    case credit(bytes: UInt32)
    /// A→G: what was asked on this channel is over and did not succeed. On channel 0: the session is over.
    case failed(AgentFailure)

    /// G→A, opens a process channel; answered by `started` or `failed`.
    case start(AgentStart)
    /// A→G, before any output. The pid is the one inside the sandbox.
    case started(pid: Int32)
    /// G→A: bytes for the process, counted against the credit that the agent has granted.
    case stdin([UInt8])
    /// G→A: end of input after all that was sent before. A PTY gets its end-of-file character.
    case closeStdin
    /// A→G, counted against the credit that the gateway has granted. A PTY's whole output comes as `stdout`.
    case stdout([UInt8])
    /// A→G, counted against the same credit as `stdout`.
    case stderr([UInt8])
    /// G→A; a process that is gone or a number that is none is ignored.
    case signal(number: UInt8, target: AgentSignalTarget)
    /// G→A: the PTY's new size; ignored without one.
    case resize(AgentTerminalSize)
    /// A→G, the last frame of a process channel, after all output.
    case exited(AgentExit)
    /// A→G, at most once: the process reads its input no more. What is still sent is discarded (and its credit given back).
    case stdinClosed

    /// G→A, opens a channel on which the gateway sends `data`…, `end`; answered by `done` or `failed`.
    case putFile(AgentPutFile)
    /// G→A, opens a channel on which the agent sends `fileInfo`, `data`…, `end`, or `failed`.
    case getFile(AgentGetFile)
    /// A→G, before the file's data.
    case fileInfo(AgentFileInfo)
    /// A part of a file, counted against the receiver's credit.
    case data([UInt8])
    /// The sender of `data` has sent all. From the agent: the last frame of the channel, but for a `connect`.
    case end
    /// A→G: the file is in its place. The last frame of the channel.
    case done
    /// G→A: drop this transfer; a file half put leaves no trace. Not answered, and the channel is closed.
    case cancel

    /// G→A, opens a channel on which the agent sends `entry`, `data`…, `end`, or `failed`.
    case readFile(AgentGetFile)
    /// A→G: what was found.
    case entry(AgentFileEntry)
    /// G→A, opens a channel; answered by `entry` and `done`, or `failed`.
    case statFile(AgentPathRequest)
    /// G→A, opens a channel on which the agent sends `ready`, `data`… (records), `end`, or `failed`.
    case listFiles(AgentListFiles)
    /// G→A, opens a channel; answered by `done`, `present` or `failed`.
    case makeDirectory(AgentMakeDirectory)
    /// A→G: it was there; nothing was done. The last frame of the channel.
    case present
    /// G→A, opens a channel; answered by `done` or `failed`.
    case moveFile(AgentMoveFile)
    /// G→A, opens a channel; answered by `done` or `failed`.
    case removeFile(AgentPathRequest)
    /// G→A, opens a channel; answered by `done` or `failed`.
    case setAttributes(AgentSetAttributes)
    /// G→A, opens a channel on which the agent sends `ready`, `data`… (records), or `failed`; `end` when the directory is gone.
    case watchFiles(AgentPathRequest)
    /// A→G: what the channel was opened for has begun.
    case ready
    /// G→A, opens a channel on which the agent sends `ready`, `data`… (a tar archive), `end`, or `failed`.
    case archiveFiles(AgentPathRequest)
    /// G→A, opens a channel on which the gateway sends `data`… (a tar archive), `end`; answered by `done` or `failed`.
    case extractFiles(AgentPathRequest)
    /// G→A, opens a channel to a TCP port inside; answered by `ready` or `failed`. Then both send `data`…, `end`; the agent's `done` is the last.
    case connect(port: UInt16)

    /// G→A, before the frame that opens a channel for files: what is done on the channel is done as this user. Not answered by itself: the frame
    /// after it fails if there is no such user, or the agent may not become it.
    case actAs(user: [UInt8])

    /// A kind this side does not know, from a newer peer.
    case unknown(kind: UInt8, payload: [UInt8])

    /// The number that stands for the message in a frame.
    package var kindNumber: UInt8 {
        if case .unknown(let kind, _) = self { return kind }
        return (kind ?? .failed).rawValue  // Only `unknown` has no kind.
    }

    /// The message's kind; nil for ``unknown(kind:payload:)``.
    package var kind: AgentFrameKind? {
        switch self {
        case .hello: .hello
        case .ping: .ping
        case .pong: .pong
        case .shutdown: .shutdown
        case .credit: .credit
        case .failed: .failed
        case .start: .start
        case .started: .started
        case .stdin: .stdin
        case .closeStdin: .closeStdin
        case .stdout: .stdout
        case .stderr: .stderr
        case .signal: .signal
        case .resize: .resize
        case .exited: .exited
        case .stdinClosed: .stdinClosed
        case .putFile: .putFile
        case .getFile: .getFile
        case .fileInfo: .fileInfo
        case .data: .data
        case .end: .end
        case .done: .done
        case .cancel: .cancel
        case .readFile: .readFile
        case .entry: .entry
        case .statFile: .statFile
        case .listFiles: .listFiles
        case .makeDirectory: .makeDirectory
        case .present: .present
        case .moveFile: .moveFile
        case .removeFile: .removeFile
        case .setAttributes: .setAttributes
        case .watchFiles: .watchFiles
        case .ready: .ready
        case .archiveFiles: .archiveFiles
        case .extractFiles: .extractFiles
        case .connect: .connect
        case .actAs: .actAs
        case .unknown: nil
        }
    }
}
