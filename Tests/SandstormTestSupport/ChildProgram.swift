import Foundation
package import SandstormCore

#if canImport(Glibc)
package import Glibc
#else
package import Darwin
#endif

private func unistdPipe(_ ends: inout [Int32]) -> Int32 { pipe(&ends) }

/// A program under way in a process of its own, with all that it writes.
///
/// Over `posix_spawn`: Foundation's `Process` crashes now and then when many are started at once. What blocks does so on threads
/// of its own, which other tests do not need.
package final class ChildProgram: Sendable {
    fileprivate struct State {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        var openStreams = 2
        var code: Int32?
    }

    /// One at a time, so that no child is born between the making of another's pipes and their mark as not inherited.
    private static let spawning = Locked(())
    /// Programs under way. Whatever tests share until the very end is stopped when the test process exits.
    private static let living: Locked<Set<pid_t>> = {
        // What it uses is removed after its end.
        TemporaryDirectory.removeAtExit()
        atexit {
            let rest = ChildProgram.living.withLock { $0 }
            for pid in rest { kill(pid, SIGTERM) }
            // A gateway ends its sandboxes first.
            for _ in 0..<6000 where !ChildProgram.living.withLock({ $0.isEmpty }) { usleep(10_000) }
        }
        return Locked([])
    }()

    package let pid: pid_t
    private let state = Locked(State())

    /// Starts `path`.
    ///
    /// - Parameter input: for its standard input, which is empty without.
    package init(_ path: String, _ arguments: [String], environment: [String: String], input: [UInt8]? = nil) throws {
        let (pid, stdin, stdout, stderr) = try ChildProgram.spawning.withLock { _ in
            let (stdin, stdout, stderr) = try (ChildProgram.pipe(), ChildProgram.pipe(), ChildProgram.pipe())
            let pid = try ChildProgram.spawn(path, arguments, environment, (stdin.read, stdout.write, stderr.write))
            for descriptor in [stdin.read, stdout.write, stderr.write] { close(descriptor) }
            return (pid, stdin, stdout, stderr)
        }
        self.pid = pid
        ChildProgram.living.withLock { _ = $0.insert(pid) }
        ChildProgram.onThread {
            var rest = (input ?? [])[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { write(stdin.write, $0.baseAddress, $0.count) }
                guard count > 0 else { break }
                rest = rest.dropFirst(count)
            }
            close(stdin.write)
        }
        ChildProgram.onThread { [state] in ChildProgram.readAll(stdout.read) { piece in state.withLock { $0.take(piece, \.output) } } }
        ChildProgram.onThread { [state] in ChildProgram.readAll(stderr.read) { piece in state.withLock { $0.take(piece, \.errors) } } }
        ChildProgram.onThread { [state, pid] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let code = status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
            state.withLock { $0.code = code }
            ChildProgram.living.withLock { _ = $0.remove(pid) }
        }
    }

    /// What it has written so far.
    package var output: [UInt8] { state.withLock { $0.output } }
    package var errors: [UInt8] { state.withLock { $0.errors } }
    package var isRunning: Bool { state.withLock { $0.code == nil } }
    /// The exit code, or 128 plus the signal; `nil` until it has ended and all that it wrote is read.
    package var exitCode: Int32? { state.withLock { $0.openStreams == 0 ? $0.code : nil } }

    package func send(_ signal: Signal) { kill(pid, signal.rawValue) }

    /// Waits for the end; a program that takes longer than `deadline` is killed.
    ///
    /// - Returns: the exit code; `nil` if it was killed.
    package func wait(within deadline: Duration = .seconds(90)) async -> Int32? {
        if await eventually(within: deadline, { self.exitCode != nil }) { return exitCode }
        send(.kill)
        return nil
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard unistdPipe(&ends) == 0 else { throw SpawnFailure(call: "pipe", code: errno) }
        // Other children must not hold these ends: their readers would never see the end.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String: String], _ streams: (Int32, Int32, Int32)
    ) throws -> pid_t {
        #if canImport(Glibc)
        var actions = posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        #else
        var actions: posix_spawn_file_actions_t?
        var attributes: posix_spawnattr_t?
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The signals that the test runner ignores or blocks are the program's own business.
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        posix_spawn_file_actions_adddup2(&actions, streams.0, 0)
        posix_spawn_file_actions_adddup2(&actions, streams.1, 1)
        posix_spawn_file_actions_adddup2(&actions, streams.2, 2)
        #if canImport(Glibc)
        closeInherited(&actions)
        #endif
        let words = ([path] + arguments).map { strdup($0) } + [nil]
        let variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for word in words + variables { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, path, &actions, &attributes, words, variables)
        guard result == 0 else { throw SpawnFailure(call: "posix_spawn \(path)", code: result) }
        return pid
    }

    private static func readAll(_ descriptor: Int32, _ take: ([UInt8]?) -> Void) {
        var buffer = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count > 0 {
                take(Array(buffer[..<count]))
            } else if count == 0 || errno != EINTR {
                break
            }
        }
        close(descriptor)
        take(nil)
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) { Thread.detachNewThread(body) }

    /// A program could not be started.
    package struct SpawnFailure: Error, CustomStringConvertible {
        let call: String
        let code: Int32
        package var description: String { "\(call): \(String(cString: strerror(code)))" }
    }
}

extension ChildProgram.State {
    fileprivate mutating func take(_ piece: [UInt8]?, _ stream: WritableKeyPath<Self, [UInt8]>) {
        if let piece { self[keyPath: stream].append(contentsOf: piece) } else { openStreams -= 1 }
    }
}
