import SandstormWire

/// Frames of every kind, with values at the edges of their fields.
enum AgentFixtures {
    static let messages: [AgentMessage] = [
        .hello(AgentHello(agentVersion: "0.1.0", pid: 1, uid: 1000)),
        .hello(AgentHello(protocolVersion: .max, agentVersion: "", pid: .max, uid: .max)),
        .ping(token: .max),
        .pong(token: 0x0102_0304_0506_0708),
        .shutdown,
        .credit(bytes: 0),
        .credit(bytes: .max),
        .failed(AgentFailure(errno: 2, stage: .program, message: "nö: not found")),
        .failed(AgentFailure(errno: -1, stage: AgentFailure.Stage(rawValue: 200), message: "")),
        .start(AgentStart(arguments: ["sh", "-c", "echo"], environment: ["A=b", "PATH=/bin"], directory: "/tmp")),
        .start(
            AgentStart(
                arguments: [[0xff, 0xfe], []],
                environment: [],
                directory: [],
                terminal: AgentTerminalSize(columns: 80, rows: 24),
                umask: 0o27,
                flags: [.stdinClosed, .mergesStderr]
            )
        ),
        .start(AgentStart(arguments: [[UInt8]](), flags: AgentStart.Flags(rawValue: 0x80))),
        .started(pid: 42),
        .stdin([]),
        .stdin([1, 2, 3]),
        .closeStdin,
        .stdout([UInt8](repeating: 7, count: AgentProtocol.maximumDataLength)),
        .stderr([0, 255]),
        .signal(number: 15, target: .process),
        .signal(number: 9, target: .group),
        .resize(AgentTerminalSize(columns: .max, rows: 0)),
        .exited(AgentExit(status: .code(255), userMicroseconds: .max, systemMicroseconds: 1, maximumResidentKiB: 2)),
        .exited(AgentExit(status: .signal(9), userMicroseconds: 0, systemMicroseconds: 0, maximumResidentKiB: 0)),
        .stdinClosed,
        .putFile(AgentPutFile(path: "/a/b", mode: 0o755, flags: .createsParents)),
        .getFile(AgentGetFile(path: "/a/b")),
        .getFile(AgentGetFile(path: "", offset: 7, length: 0)),
        .fileInfo(AgentFileInfo(size: .max, mode: 0o100644, modifiedSeconds: -1, modifiedNanoseconds: 999_999_999)),
        .data([9]),
        .end,
        .done,
        .cancel,
        .start(AgentStart(arguments: ["id"], user: "daemon:1000")),
        .start(AgentStart(arguments: ["id"], terminal: AgentTerminalSize(columns: 1, rows: 1), user: "", flags: [.mergesStderr])),
        .readFile(AgentGetFile(path: "/a", offset: 1, length: 2)),
        .entry(
            AgentFileEntry(
                path: Array("/a".utf8),
                mode: 0o120777,
                size: .max,
                modifiedSeconds: -1,
                modifiedNanoseconds: 1,
                uid: .max,
                gid: 0,
                owner: Array("daemon".utf8),
                group: [],
                linkTarget: [0xff]
            )
        ),
        .statFile(AgentPathRequest("/a", flags: .followsLinks)),
        .listFiles(AgentListFiles(path: "/a", depth: .max)),
        .makeDirectory(AgentMakeDirectory(path: "/a", mode: 0o2755)),
        .present,
        .moveFile(AgentMoveFile(source: "/a", destination: "", replaces: true)),
        .removeFile(AgentPathRequest("/a", flags: .recursive)),
        .setAttributes(AgentSetAttributes(path: [1])),
        .setAttributes(
            AgentSetAttributes(
                path: [],
                mode: 0o7777,
                owner: [],
                group: [7],
                modified: AgentSetAttributes.Modified(seconds: .min, nanoseconds: .max)
            )
        ),
        .watchFiles(AgentPathRequest("/a", flags: AgentPathRequest.Flags(rawValue: 0xff))),
        .ready,
        .archiveFiles(AgentPathRequest("/a")),
        .extractFiles(AgentPathRequest("")),
        .connect(port: .max), .actAs(user: Array("user".utf8)),
        .unknown(kind: 0x7f, payload: [1, 2]),
        .unknown(kind: 0, payload: []),
    ]

    static var frames: [AgentFrame] {
        messages.enumerated().map { AgentFrame(channel: UInt32(truncatingIfNeeded: $0.offset &* 0x0101_0101), message: $0.element) }
    }

    /// All frames but the one whose size would make a test at every split point slow.
    static var shortFrames: [AgentFrame] {
        frames.filter { if case .stdout = $0.message { false } else { true } }
    }
}

extension AgentFrameDecoder {
    /// Takes all frames that are there.
    mutating func drain() throws -> [AgentFrame] {
        var frames: [AgentFrame] = []
        while let frame = try next() {
            frames.append(frame)
        }
        return frames
    }
}
