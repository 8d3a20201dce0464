import Foundation
import NIOCore
import SandstormCore
import Synchronization

/// A process of this machine, read from only when somebody asks: a pipe that nobody empties makes its writer wait.
final class DirectoryProcess: SandboxProcess {
    private struct State {
        var isAnnounced = false
        var status: Int32?
        var isOver = false
        var input: Int32
        var outputs: [(descriptor: Int32, isError: Bool)]
    }

    let pid: Int32
    private let sandbox: DirectorySandbox
    private let state: Mutex<State>
    /// One at a time, so that no child inherits another's pipes.
    private static let spawning = Mutex(())

    init(_ command: Command, in sandbox: DirectorySandbox) throws(ProviderError) {
        self.sandbox = sandbox
        guard let program = command.arguments.first, !program.isEmpty else { throw ProviderError(.invalid, "the command names no program") }
        var environment = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "HOME": sandbox.directory.appending(path: "home").path,
        ]
        environment.merge(command.environment) { $1 }
        guard !(command.arguments + environment.map { $0 + $1 }).contains(where: { $0.utf8.contains(0) }) else {
            throw ProviderError(.invalid, "a NUL byte is in an argument or a variable")
        }
        let directory = DirectoryFiles(sandbox: sandbox).real(command.workingDirectory)
        var info = stat()
        guard stat(directory, &info) == 0, info.st_mode & S_IFMT == S_IFDIR else {
            throw ProviderError(.invalid, "\(command.workingDirectory) is no directory", fileProblem: .notDirectory)
        }
        try Self.check(program, path: environment["PATH"] ?? "", directory: directory)
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory] + command.arguments
        let (pid, pipes) = try Self.spawn(words, environment.map { "\($0)=\($1)" })
        self.pid = pid
        state = Mutex(State(input: pipes[0], outputs: [(pipes[1], false), (pipes[2], true)]))
    }

    deinit {
        state.withLock { state in
            for descriptor in [state.input] + state.outputs.map(\.descriptor) where descriptor >= 0 { close(descriptor) }
        }
    }

    /// Finds a program as a shell would, only to say what is wrong with it.
    private static func check(_ program: String, path: String, directory: String) throws(ProviderError) {
        let places = program.contains("/") ? [program] : path.split(separator: ":").map { "\($0)/\(program)" }
        let found = places.map { $0.hasPrefix("/") ? $0 : "\(directory)/\($0)" }.first { access($0, F_OK) == 0 }
        guard let found else { throw ProviderError(.invalid, "there is no program \(program)", missingProgram: program) }
        var info = stat()
        guard access(found, X_OK) == 0, stat(found, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw ProviderError(.invalid, "\(program) can't be executed")
        }
    }

    private static func spawn(_ words: [String], _ environment: [String]) throws(ProviderError) -> (pid: Int32, ours: [Int32]) {
        try spawning.withLock { _ throws(ProviderError) in
            var (ours, theirs): ([Int32], [Int32]) = ([], [])
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer {
                posix_spawn_file_actions_destroy(&actions)
                for descriptor in theirs { close(descriptor) }
            }
            for target: Int32 in 0...2 {
                var ends: [Int32] = [0, 0]
                guard pipe(&ends) == 0 else {
                    for descriptor in ours { close(descriptor) }
                    throw ProviderError(.noCapacity, "no pipe is left")
                }
                for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
                ours.append(ends[target == 0 ? 1 : 0])
                theirs.append(ends[target == 0 ? 0 : 1])
                posix_spawn_file_actions_adddup2(&actions, theirs[Int(target)], target)
            }
            for descriptor in ours { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) }
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var signals = sigset_t()
            sigemptyset(&signals)
            posix_spawnattr_setsigmask(&attributes, &signals)
            sigfillset(&signals)
            posix_spawnattr_setsigdefault(&attributes, &signals)
            // A group of its own, to be signalled as a whole.
            posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
            let (argv, envp) = (words.map { strdup($0) } + [nil], environment.map { strdup($0) } + [nil])
            defer { for word in argv + envp { free(word) } }
            var pid: pid_t = 0
            let code = posix_spawn(&pid, words[0], &actions, &attributes, argv, envp)
            guard code == 0 else {
                for descriptor in ours { close(descriptor) }
                throw ProviderError(code == E2BIG ? .invalid : .noCapacity, "no process can be started: \(String(cString: strerror(code)))")
            }
            return (pid, ours)
        }
    }

    // MARK: Events

    var events: ProcessEvents {
        ProcessEvents { [self] () async throws(ProviderError) in
            let isCancelled = Atomic(false)
            let event = await withTaskCancellationHandler {
                // Nothing is read before it is asked for: that is all the back pressure there is to it.
                await withCheckedContinuation { (continuation: CheckedContinuation<Result<ProcessEvent?, ProviderError>, Never>) in
                    Thread.detachNewThread {
                        continuation.resume(
                            returning: Result { () throws(ProviderError) in try self.next { isCancelled.load(ordering: .relaxed) } })
                    }
                }
            } onCancel: {
                isCancelled.store(true, ordering: .relaxed)
            }
            return try event.get()
        }
    }

    private func next(_ isCancelled: () -> Bool) throws(ProviderError) -> ProcessEvent? {
        let isFirst = state.withLock { state in
            defer { state.isAnnounced = true }
            return !state.isAnnounced
        }
        if isFirst { return .started(pid: pid) }
        while true {
            if state.withLock(\.isOver) { return nil }
            if isCancelled() { throw ProviderError(.interrupted, "the reader has gone", afterStart: true) }
            // Asked before the pipes: what it wrote before its end is still in them afterwards.
            let status = reap()
            if let event = read(waiting: status == nil ? 20 : 0) { return event }
            guard let status else { continue }
            state.withLock { $0.isOver = true }
            // It did not end by itself.
            guard sandbox.isAlive else { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            let signal = status & 0x7F
            return .exited(ExitStatus(signal == 0 ? .code(status >> 8 & 0xFF) : .signal(Signal(rawValue: signal))))
        }
    }

    /// A piece of output, if there is one within some milliseconds.
    private func read(waiting milliseconds: Int32) -> ProcessEvent? {
        let outputs = state.withLock(\.outputs)
        var polls = outputs.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        guard poll(&polls, nfds_t(polls.count), milliseconds) > 0 else { return nil }
        for (poll, output) in zip(polls, outputs) where poll.revents != 0 {
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = Foundation.read(output.descriptor, &bytes, bytes.count)
            if count > 0 {
                return output.isError ? .stderr(ByteBuffer(bytes: bytes[..<count])) : .stdout(ByteBuffer(bytes: bytes[..<count]))
            }
            // Its end; it is not asked again.
            if count == 0 {
                state.withLock { $0.outputs.removeAll { $0.descriptor == output.descriptor } }
                close(output.descriptor)
            }
        }
        return nil
    }

    /// How it ended, if it has.
    private func reap() -> Int32? {
        state.withLock { state in
            guard state.status == nil else { return state.status }
            var status: Int32 = 0
            let result = waitpid(pid, &status, WNOHANG)
            if result == pid {
                state.status = status
                // Its number may be another's from now on.
                unlink(sandbox.processes.appending(path: "\(pid)").path)
            } else if result < 0, errno == ECHILD {
                // Whoever killed the sandbox has waited for it.
                state.status = SIGKILL
            }
            return state.status
        }
    }

    // MARK: Input and signals

    func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        let isCancelled = Atomic(false)
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Result<Void, ProviderError>, Never>) in
                Thread.detachNewThread {
                    continuation.resume(
                        returning: Result { () throws(ProviderError) in try self.put(bytes) { isCancelled.load(ordering: .relaxed) } })
                }
            }
        } onCancel: {
            isCancelled.store(true, ordering: .relaxed)
        }
        try result.get()
    }

    private func put(_ bytes: ByteBuffer, _ isCancelled: () -> Bool) throws(ProviderError) {
        var rest = bytes
        while rest.readableBytes > 0 {
            guard sandbox.isAlive else { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            if isCancelled() { throw ProviderError(.interrupted, "the writer has gone", afterStart: true) }
            // Under the lock, so that the descriptor is not closed, and another's, at that moment.
            let (count, code) = state.withLock { state in
                let count = state.input < 0 ? -1 : rest.withUnsafeReadableBytes { Foundation.write(state.input, $0.baseAddress, $0.count) }
                return (count, state.input < 0 ? EPIPE : errno)
            }
            if count > 0 {
                rest.moveReaderIndex(forwardBy: count)
            } else if code == EAGAIN {
                // Nobody reads; one who has ended does not any more.
                if reap() != nil { return }
                usleep(1000)
            } else if code != EINTR {
                // Input that nobody will read is no error.
                return
            }
        }
    }

    func closeInput() async throws(ProviderError) {
        state.withLock { state in
            if state.input >= 0 { close(state.input) }
            state.input = -1
        }
    }

    func signal(_ signal: SandstormCore.Signal, to target: SignalTarget) async throws(ProviderError) {
        _ = reap()
        state.withLock { state in
            // A pid that was reaped may be another's by now.
            if state.status == nil { _ = Foundation.kill(target == .group ? -pid : pid, signal.rawValue) }
        }
    }

    func resize(columns: Int, rows: Int) async throws(ProviderError) { throw .unsupported("terminal") }

    /// Kills its group.
    func end() { state.withLock { state in if state.status == nil { _ = Foundation.kill(-pid, SIGKILL) } } }
}
