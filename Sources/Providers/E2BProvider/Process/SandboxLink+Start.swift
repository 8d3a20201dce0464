import NIOCore
import SandstormCore
import SandstormWire

extension SandboxLink {
    /// Starts a command; returns when it runs, or is known not to.
    func start(_ command: Command) async throws(ProviderError) -> E2BProcess {
        try checkIsThere()
        try SandboxLink.check(command)
        let user = try await name(ofUser: command.user)
        let tag = "sandstorm-" + String(UInt64.random(in: .min ... .max), radix: 36)
        let mark = Launcher.mark()
        var message: JSONObject = [
            "process": [
                "cmd": "/bin/sh", "args": .strings(Launcher.arguments(command, mark: mark)),
                "envs": SandboxLink.json(command.environment), "cwd": .string(command.workingDirectory),
            ],
            "tag": .string(tag),
        ]
        if let terminal = command.terminal {
            message["pty"] = ["size": ["cols": .integer(max(1, terminal.columns)), "rows": .integer(max(1, terminal.rows))]]
        } else {
            message["stdin"] = true
        }
        do throws(ProviderError) {
            return try await begin(.object(message), mark: mark, command, user)
        } catch {
            // It may run all the same: nobody would ever read from it. Dropping the connection does not end it.
            if error.mayHaveTakenEffect || Task.isCancelled { killLater(tag, as: user) }
            throw error
        }
    }

    private func begin(_ message: JSONValue, mark: String, _ command: Command, _ user: String?) async throws(ProviderError) -> E2BProcess {
        let messages: ConnectMessages
        do throws(EnvdFailure) {
            messages = try await stream("process.Process/Start", message, as: user)
        } catch {
            throw await startError(error, command)
        }
        var reader = Launcher.Reader(mark: mark)
        var (pid, pending): (Int32?, [ProcessEvent]) = (nil, [])
        func process(_ pid: Int32) -> E2BProcess {
            E2BProcess(pid: pid, messages: messages, pending: pending, command: command, link: self, user: user)
        }
        while true {
            let next: ConnectMessages.Next
            do throws(EnvdFailure) {
                next = try await messages.next(within: patience.envd)
            } catch {
                throw await startError(error, command)
            }
            switch next {
            case .end(let error):
                throw await startError(error.map { .connect($0, nil) } ?? .garbage("a stream without events"), command)
            case .cut: throw await startError(.transport(VendorFailure(.lost, "the connection broke", mayHaveArrived: true)), command)
            case .message(let payload):
                guard let event = EnvdEvent(payload) else { throw await startError(.garbage("an event that is none"), command) }
                guard let pid else {
                    guard case .start(let number) = event else {
                        throw await startError(.garbage("a stream that begins without a start"), command)
                    }
                    pid = number
                    continue
                }
                switch event {
                case .start, .keepalive: continue
                case .errors(let bytes): pending.append(.stderr(bytes))
                case .output(let bytes):
                    switch reader.take(bytes) {
                    case .more: continue
                    case .none(let bytes):
                        pending.append(.stdout(bytes))
                        return process(pid)
                    case .verdict(.started, let bytes):
                        if bytes.readableBytes > 0 { pending.append(.stdout(bytes)) }
                        return process(pid)
                    case .verdict(let verdict, _):
                        await messages.drain()
                        throw SandboxLink.error(verdict, command)
                    }
                case .end(let exit):
                    // The shell ended before it could say anything: killed, or not there.
                    await messages.drain()
                    if isDying { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
                    throw ProviderError(
                        .invalid, "the sandbox's shell ended before it could start the command",
                        vendorDetail: "\(exit.status) \(exit.error)")
                }
            }
        }
    }

    private func startError(_ failure: EnvdFailure, _ command: Command) async -> ProviderError {
        var error = await error(failure)
        guard case .connect(let connect, _) = failure else { return error }
        switch connect.code {
        case .unauthenticated: error = ProviderError(.invalid, "there is no user \(command.user ?? SandboxLink.usualUser)")
        case .invalidArgument, .notFound, .failedPrecondition:
            error = ProviderError(.invalid, "the command can't be started; is \(command.workingDirectory) a directory?")
        default: return error
        }
        error.vendorDetail = connect.description
        return error
    }

    private static func error(_ verdict: Launcher.Verdict, _ command: Command) -> ProviderError {
        let program = command.arguments.first ?? ""
        guard verdict == .missing else { return ProviderError(.invalid, "\(program) can't be executed") }
        return ProviderError(.invalid, "there is no program \(program)", missingProgram: program)
    }

    private static func check(_ command: Command) throws(ProviderError) {
        guard let program = command.arguments.first, !program.isEmpty else { throw ProviderError(.invalid, "the command names no program") }
        let texts =
            command.arguments + command.environment.flatMap { [$0.key, $0.value] } + [command.workingDirectory, command.user ?? ""]
        if texts.contains(where: { $0.utf8.contains(0) }) { throw ProviderError(.invalid, "the command has a NUL byte in it") }
        if command.environment.keys.contains(where: { $0.isEmpty || $0.contains("=") }) {
            throw ProviderError(.invalid, "a variable's name is empty, or has an equals sign in it")
        }
    }

    private static func json(_ environment: [String: String]) -> JSONValue {
        var object = JSONObject()
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) { object[name] = .string(value) }
        return .object(object)
    }

    /// Users are named to envd, never numbered.
    func name(ofUser user: String?) async throws(ProviderError) -> String? {
        guard let user else { return nil }
        guard !user.isEmpty, !user.contains(":") else { throw ProviderError(.invalid, "there is no user \(user)") }
        guard user.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return user }
        if let known = userNames.withLock({ $0[user] }) { return known }
        let result = try await run(
            "while IFS=: read -r n _ u _; do [ \"$u\" = \"$1\" ] && { printf %s \"$n\"; exit 0; }; done </etc/passwd; exit 1", [user])
        let name = String(buffer: result.output)
        guard result.code == 0, !name.isEmpty else { throw ProviderError(.invalid, "there is no user \(user)") }
        userNames.withLock { $0[user] = name }
        return name
    }

    /// Ends a process that was to be started and that nobody wants any more.
    func killLater(_ tag: String, as user: String?) {
        guard !isDying else { return }
        aftercare.take(within: .seconds(20)) { [self] in
            _ = try? await call(
                "process.Process/SendSignal", ["process": ["tag": .string(tag)], "signal": "SIGNAL_SIGKILL"], as: user, within: .seconds(15)
            )
        }
    }
}
