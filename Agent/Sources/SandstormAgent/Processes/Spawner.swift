import CLinux
import Glibc

/// Starts processes.
///
/// `posix_spawn` is what Swift has (there is no `fork`), and it is the better call anyway: nothing of the agent is copied, and the child's errors
/// come back as its result. Only who is to run as another user is started in another way.
enum Spawner {
    /// A process that runs, and the agent's ends of what it reads and writes.
    struct Spawned {
        let pid: pid_t
        /// nil when input was closed from the start.
        let input: Descriptor?
        let output: Descriptor
        /// nil with a terminal or when merged into ``output``.
        let error: Descriptor?
        /// Whether ``input`` and ``output`` are the same: a terminal's master.
        let isTerminal: Bool

        /// All descriptors to watch, each once, with the role that its events get.
        var descriptors: [(role: UInt8, descriptor: Descriptor)] {
            var all = [(ProcessChannel.Role.output, output)]
            if let input, !isTerminal { all.append((ProcessChannel.Role.input, input)) }
            if let error { all.append((ProcessChannel.Role.error, error)) }
            return all
        }
    }

    /// - Throws: the failure to answer with; nothing is left behind.
    static func spawn(_ start: AgentStart, accounts: () -> Accounts, _ guise: Guise) throws(AgentFailure) -> Spawned {
        try validate(start)
        guard let user = start.user else { return try spawn(start, as: nil, guise) }
        let known = accounts()
        let identity = try Identity(user, accounts: known)
        var start = start
        start.environment = identity.environment(start.environment)
        do throws(AgentFailure) {
            return try spawn(start, as: identity.isOwn ? nil : identity, guise)
        } catch  where error.stage == .user {
            throw identity.refusal(error.errno, accounts: known)
        }
    }

    private static func spawn(_ start: AgentStart, as identity: Identity?, _ guise: Guise) throws(AgentFailure) -> Spawned {
        let (directory, program) = try find(start, as: identity, guise)
        do throws(SystemError) {
            if let size = start.terminal {
                let terminal = try Terminal(size: size)
                terminal.master.makeNonBlocking()
                if let identity { _ = fchown(terminal.slave.number, identity.uid, gid_t.max) }
                let pid = try launch(program, start, as: identity, in: directory, stdio: .terminal(terminal.slavePath))
                return Spawned(pid: pid, input: terminal.master, output: terminal.master, error: nil, isTerminal: true)
            }
            let input = try makeInput(start)
            let output = try makeOutput()
            let error = start.flags.contains(.mergesStderr) ? nil : try makeOutput()
            let stdio = Stdio.pipes(input.child, output.child, error?.child ?? output.child)
            let pid = try launch(program, start, as: identity, in: directory, stdio: stdio)
            return Spawned(pid: pid, input: input.own, output: output.own, error: error?.own, isTerminal: false)
        } catch {
            if error.step == launchStep, !SystemError.meansExhaustion(error.code) {
                throw ProgramLookup.failure(of: program, error.code, in: directory)
            }
            switch error.step {
            case userStep: throw AgentFailure(error, stage: .user)
            case directoryStep: throw AgentFailure(SystemError(error.code, in: start.directory.forPeople), stage: .directory)
            default: throw AgentFailure(error, stage: .resources)
            }
        }
    }

    /// Looks for what the user may use, not for what the agent may.
    private static func find(
        _ start: AgentStart, as identity: Identity?, _ guise: Guise
    ) throws(AgentFailure) -> (directory: Descriptor, program: [UInt8]) {
        do throws(SystemError) { try guise.wear(identity) } catch { throw AgentFailure(error, stage: .user) }
        let result = Result { () throws(AgentFailure) in
            let directory = try openDirectory(start.directory)
            return (directory, try ProgramLookup.find(start.arguments[0], environment: start.environment, in: directory))
        }
        do throws(SystemError) { try guise.wear(nil) } catch { throw AgentFailure(error, stage: .user) }
        return try result.get()
    }

    private static func validate(_ start: AgentStart) throws(AgentFailure) {
        guard start.flags.isSubset(of: .known) else {
            throw .invalid("start has flags (\(start.flags.rawValue)) that agent \(SandstormAgent.version) doesn't know", errno: ENOSYS)
        }
        guard !start.arguments.isEmpty else { throw .invalid("start has no arguments, so no program") }
        guard start.directory.isCString, start.arguments.allSatisfy(\.isCString), start.environment.allSatisfy(\.isCString) else {
            throw .invalid("start has a NUL byte in an argument, a variable or the directory")
        }
    }

    /// Opens the working directory first and by itself, so that its errors can't be taken for the program's.
    private static func openDirectory(_ path: [UInt8]) throws(AgentFailure) -> Descriptor {
        do throws(SystemError) {
            let directory = try Descriptor.open(path.isEmpty ? [UInt8(ascii: ".")] : path, SANDSTORM_O_PATH | O_DIRECTORY)
            guard sandstorm_access(directory.number, ".", X_OK) == 0 else {
                throw .current(in: String(decoding: path.prefix(1024), as: UTF8.self))
            }
            return directory
        } catch {
            throw AgentFailure(error, stage: SystemError.meansExhaustion(error.code) ? .resources : .directory)
        }
    }

    // MARK: Pipes

    private static func makeInput(_ start: AgentStart) throws(SystemError) -> (own: Descriptor?, child: Descriptor) {
        if start.flags.contains(.stdinClosed), let null = try? Descriptor.open(Array("/dev/null".utf8), O_RDONLY) {
            return (nil, null)
        }
        let pipe = try Descriptor.pipe()
        // Without /dev/null, a pipe that nobody writes to is the next best empty input.
        if start.flags.contains(.stdinClosed) { return (nil, pipe.readEnd) }
        pipe.writeEnd.makeNonBlocking()
        return (pipe.writeEnd, pipe.readEnd)
    }

    private static func makeOutput() throws(SystemError) -> (own: Descriptor, child: Descriptor) {
        let pipe = try Descriptor.pipe()
        pipe.readEnd.makeNonBlocking()
        return (pipe.readEnd, pipe.writeEnd)
    }

    // MARK: The start itself

    private enum Stdio {
        case terminal([UInt8])
        case pipes(Descriptor, Descriptor, Descriptor)
    }

    private static let launchStep = "posix_spawn"
    private static let userStep = "become the user"
    private static let directoryStep = "enter the directory"

    private static func launch(
        _ program: [UInt8],
        _ start: AgentStart,
        as identity: Identity?,
        in directory: Descriptor,
        stdio: Stdio
    ) throws(SystemError) -> pid_t {
        let arguments = CStringArray(start.arguments)
        defer { arguments.deallocate() }
        let environment = CStringArray(start.environment)
        defer { environment.deallocate() }

        // A child inherits its umask, so the agent has it for the moment; there is no other thread to notice.
        let ownMask = start.umask.map { umask(mode_t($0) & 0o777) }
        defer {
            if let ownMask { _ = umask(ownMask) }
        }
        let pid =
            if let identity {
                try become(identity, program, arguments, environment, in: directory, stdio: stdio)
            } else {
                try launch(program, arguments, environment, in: directory, stdio: stdio)
            }
        sacrifice(pid)
        return pid
    }

    private static func launch(
        _ program: [UInt8],
        _ arguments: CStringArray,
        _ environment: CStringArray,
        in directory: Descriptor,
        stdio: Stdio
    ) throws(SystemError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        switch stdio {
        case .terminal(let path):
            // Opened by the leader of a new session (SETSID comes before the actions), it becomes the controlling terminal.
            _ = path.withCString { posix_spawn_file_actions_addopen(&actions, 0, $0, O_RDWR, 0) }
            posix_spawn_file_actions_adddup2(&actions, 0, 1)
            posix_spawn_file_actions_adddup2(&actions, 0, 2)
        case .pipes(let input, let output, let error):
            posix_spawn_file_actions_adddup2(&actions, input.number, 0)
            posix_spawn_file_actions_adddup2(&actions, output.number, 1)
            posix_spawn_file_actions_adddup2(&actions, error.number, 2)
        }
        posix_spawn_file_actions_addfchdir_np(&actions, directory.number)
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = SANDSTORM_SPAWN_SETSID | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
        posix_spawnattr_setflags(&attributes, flags)

        var pid: pid_t = 0
        let code = program.withCString { program in
            arguments.withPointers { arguments in
                environment.withPointers { posix_spawn(&pid, program, &actions, &attributes, arguments, $0) }
            }
        }
        guard code == 0 else { throw SystemError(code, in: launchStep) }
        return pid
    }

    private static func become(
        _ identity: Identity,
        _ program: [UInt8],
        _ arguments: CStringArray,
        _ environment: CStringArray,
        in directory: Descriptor,
        stdio: Stdio
    ) throws(SystemError) -> pid_t {
        var spawn = sandstorm_spawn()
        spawn.directory = directory.number
        (spawn.uid, spawn.gid) = (identity.uid, identity.gid)
        var terminal: [UInt8] = []
        switch stdio {
        case .terminal(let path): terminal = path
        case .pipes(let input, let output, let error): spawn.stdio = (input.number, output.number, error.number)
        }
        let pid = program.withCString { program in
            terminal.withCString { path in
                identity.groups.withUnsafeBufferPointer { groups in
                    arguments.withPointers { arguments in
                        environment.withPointers { environment in
                            spawn.program = program
                            spawn.terminal = terminal.isEmpty ? nil : path
                            (spawn.groups, spawn.group_count) = (groups.baseAddress, groups.count)
                            (spawn.arguments, spawn.environment) = (arguments, environment)
                            return sandstorm_spawn_as(&spawn)
                        }
                    }
                }
            }
        }
        guard pid < 0 else { return pid }
        let steps = ["start a process", userStep, directoryStep, launchStep]
        throw SystemError(spawn.failure, in: steps[min(max(0, Int(spawn.failed_step)), steps.count - 1)])
    }

    /// Makes the kernel take this process, and what it starts, before the agent when memory runs out.
    private static func sacrifice(_ pid: pid_t) {
        guard let file = try? Descriptor.open(Array("/proc/\(pid)/oom_score_adj".utf8), O_WRONLY) else { return }
        _ = Array("500".utf8).withUnsafeBytes { file.write($0) }
    }
}
