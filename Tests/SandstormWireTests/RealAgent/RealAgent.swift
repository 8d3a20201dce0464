import Foundation
import NIOCore
import NIOPosix
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

#if os(Linux)
import Glibc

/// The agent itself, as a child of the test, on a directory that is removed at the end.
final class RealAgent: Sendable {
    /// As `scripts/build-agent.sh` leaves it, above this file.
    static let executable: String? = {
        if let named = ProcessInfo.processInfo.environment["SANDSTORM_AGENT"] { return named }
        var directory = URL(fileURLWithPath: #filePath)
        while directory.path != "/" {
            directory.deleteLastPathComponent()
            let path = directory.appendingPathComponent(".build/debug/sandstorm-agent").path
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        return nil
    }()
    static let isBuilt = executable != nil
    static let why: Comment = "needs the agent (scripts/build-agent.sh)"
    static let isRoot = geteuid() == 0

    let connection: AgentConnection
    let files: AgentSandboxFiles
    let pid: pid_t
    private let directory: TemporaryDirectory
    private let hasEnded = Locked(false)

    private init(_ connection: AgentConnection, pid: pid_t, directory: TemporaryDirectory) {
        self.connection = connection
        self.pid = pid
        self.directory = directory
        files = AgentSandboxFiles(connection)
    }

    /// A path in the test's own directory.
    func path(_ name: String) -> String { "\(directory.path)/\(name)" }
    var root: String { directory.path }

    /// Runs `body` with an agent; when it returns, the agent must leave.
    static func run(_ body: (RealAgent) async throws -> Void) async throws {
        let (socket, pid) = try start()
        let connection = try await AgentConnection.open(
            socket: socket, on: MultiThreadedEventLoopGroup.singleton, within: .seconds(30))
        let agent = RealAgent(connection, pid: pid, directory: try TemporaryDirectory())
        Thread.detachNewThread {
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            agent.hasEnded.withLock { $0 = true }
        }
        let result: Result<Void, any Error>
        do { result = .success(try await body(agent)) } catch { result = .failure(error) }
        connection.shutDown()
        let left = await eventually { agent.hasEnded.withLock(\.self) }
        if !left { kill(pid, SIGKILL) }
        connection.close()
        try result.get()
        #expect(left, "the agent did not leave")
    }

    /// Starts an agent.
    ///
    /// - Returns: our end of its socket, which belongs to the caller.
    static func start() throws -> (socket: Int32, pid: pid_t) {
        let executable = try #require(executable)
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0)
        defer { close(ends[1]) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[1], 0)
        closeInherited(&actions)
        let words = [strdup(executable), nil]
        defer { for word in words { free(word) } }
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        var pid: pid_t = 0
        let code = posix_spawn(&pid, executable, &actions, nil, words, &environment)
        guard code == 0 else {
            close(ends[0])
            throw ProviderError(.unavailable, "posix_spawn: \(code)")
        }
        return (ends[0], pid)
    }

    // MARK: Shorthands

    func write(_ name: String, _ text: String, mode: UInt16 = 0o644) async throws {
        try await files.write(path(name), ByteBuffer(string: text), mode: mode)
    }

    func text(_ name: String) async throws -> String {
        String(buffer: try await files.read(path(name), upTo: 1 << 24))
    }

    /// What is in the test's directory or one below, by relative path.
    func names(_ name: String = "", depth: Int = 1) async throws -> [String] {
        let base = name.isEmpty ? root : path(name)
        return try await files.list(base, depth: depth).map { String($0.path.dropFirst(base.count + 1)) }
    }

    /// Runs a shell command to its end.
    @discardableResult
    func shell(_ script: String, user: String? = nil, environment: [String: String] = [:]) async throws -> String {
        let process = try await connection.start(
            Command(["/bin/sh", "-c", script], environment: environment, workingDirectory: root, user: user))
        try await process.closeInput()
        var output = ""
        for try await event in process.events {
            switch event {
            case .stdout(let bytes), .stderr(let bytes): output += String(buffer: bytes)
            case .exited(let status): #expect(status.outcome == .code(0), "\(script): \(output)")
            case .started: break
            }
        }
        return output
    }
}

/// What a call's failure says of the file.
func problem(_ body: () async throws -> Void, sourceLocation: SourceLocation = #_sourceLocation) async -> ProviderError.FileProblem? {
    let error = await #expect(throws: ProviderError.self, sourceLocation: sourceLocation) { try await body() }
    #expect(error?.code == .invalid, sourceLocation: sourceLocation)
    return error?.fileProblem
}

/// A stream of so many pieces, made as they are asked for.
func pieces(_ count: Int, of size: Int, then failure: ProviderError? = nil) -> ByteStream {
    let next = Locked(0)
    return ByteStream { () async throws(ProviderError) in
        let number = next.withLock { next in
            defer { next += 1 }
            return next
        }
        guard number < count else {
            if let failure { throw failure }
            return nil
        }
        return ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: size)
    }
}
#endif
