public import SandstormCore

/// A sandbox to live in: commands, files, ports, pauses and copies, until it is killed or its lease ends.
///
/// ```swift
/// try await sandstorm.withSandbox { sandbox in
///     try await sandbox.files.write("hello.py", "print('hello')")
///     print(try await sandbox.run("python3", "hello.py").stdout)
/// }
/// ```
///
/// A value is a name and a way to the sandbox: it is cheap to copy, holds nothing, and several may stand for one sandbox. Once the sandbox
/// has ended, calls throw ``SandstormError`` of kind `sandboxEnded`.
public struct LivingSandbox: Sendable, Identifiable {
    /// The name by which all front ends find it again.
    public let id: SandboxID

    let backend: any Backend

    /// The files inside.
    public var files: LivingSandboxFiles { LivingSandboxFiles(link: backend.files(of: id)) }

    /// How it stands.
    public func info() async throws(SandstormError) -> SandboxInfo { try await backend.sandbox(id) }

    // MARK: Commands

    /// Runs a command to its end, without input.
    ///
    /// - Throws: ``SandstormError`` if it could not be started or was lost sight of. An exit code other than 0 is a result.
    public func run(_ arguments: String...) async throws(SandstormError) -> CommandResult { try await run(Command(arguments)) }

    /// Runs a command to its end. Cancelling the task kills it.
    ///
    /// - Parameters:
    ///   - input: for its standard input, which ends after it.
    ///   - timeout: after that long it is killed, and the result's failure says so.
    ///   - limit: the most bytes kept of each output.
    public func run(
        _ command: Command, input: [UInt8] = [], timeout: Duration? = nil, upTo limit: Int = CommandResult.standardLimit
    ) async throws(SandstormError) -> CommandResult {
        let request = ProcessRequest(command, stdin: input, closesInput: true, timeout: timeout)
        return try await start(request).result(upTo: limit)
    }

    /// Runs a line of shell to its end.
    public func shell(_ line: String) async throws(SandstormError) -> CommandResult { try await run("/bin/sh", "-c", line) }

    /// Starts a command, whose input stays open.
    public func start(_ command: Command) async throws(SandstormError) -> RunningProcess { try await start(ProcessRequest(command)) }

    /// Starts a command; a detached one goes on when the value that is returned is let go of.
    public func start(_ request: ProcessRequest) async throws(SandstormError) -> RunningProcess {
        guard request.command.arguments.first?.isEmpty == false else {
            throw SandstormError(
                InvalidRequest("/command", "names no program", remedy: "give a program and its arguments"))
        }
        let (info, link) = try await backend.start(request, in: id)
        return RunningProcess(info, link)
    }

    /// The processes that were started here: those that run, and those that ended lately.
    public func processes() async throws(SandstormError) -> [SandboxProcessInfo] { try await backend.processes(in: id) }

    /// A process that was started earlier, to be read and steered. Letting go of the value does not end it.
    ///
    /// - Parameters:
    ///   - sequence: only events after this one.
    ///   - following: wait for more until the process has ended.
    public func process(
        _ process: ProcessID, after sequence: Int = 0, following: Bool = true
    ) async throws(SandstormError) -> RunningProcess {
        let info = try await backend.process(process, in: id)
        return RunningProcess(info, try await backend.link(to: process, in: id, after: sequence, following: following))
    }

    // MARK: Its life

    /// Sets the lease to end `duration` from now (1 s … 24 h), earlier or later than before.
    @discardableResult
    public func renew(for duration: Duration) async throws(SandstormError) -> SandboxInfo {
        guard SandboxSpec.Limits.timeout.contains(duration) else {
            throw SandstormError(InvalidRequest("/timeout", "is out of range", remedy: "give 1 s to 24 h"))
        }
        return try await backend.renew(id, for: duration)
    }

    /// Freezes every process; pausing what is paused succeeds. The lease goes on.
    @discardableResult
    public func pause() async throws(SandstormError) -> SandboxInfo { try await backend.pause(id) }

    /// Lets frozen processes go on; resuming what runs succeeds.
    @discardableResult
    public func resume() async throws(SandstormError) -> SandboxInfo { try await backend.resume(id) }

    /// Makes a second sandbox like this one, with its files; both go on independently.
    ///
    /// - Parameters:
    ///   - timeout: the new one's first lease; `nil` for as long as this one's was.
    ///   - metadata: the new one's labels; `nil` for this one's.
    public func fork(timeout: Duration? = nil, metadata: [String: String]? = nil) async throws(SandstormError) -> LivingSandbox {
        LivingSandbox(id: try await backend.fork(id, timeout: timeout, metadata: metadata).id, backend: backend)
    }

    /// Ends the sandbox and everything in it, and waits until it is settled; for one that has ended, nothing happens.
    @discardableResult
    public func kill() async throws(SandstormError) -> SandboxInfo { try await backend.kill(id) }

    // MARK: Around it

    /// Keeps a copy from which others can start; the sandbox goes on.
    public func snapshot(_ kind: SnapshotKind = .filesystem, name: String? = nil) async throws(SandstormError) -> SnapshotInfo {
        try await backend.snapshot(id, kind: kind, name: name)
    }

    /// What the sandbox uses at this moment.
    public func usage() async throws(SandstormError) -> SandboxUsage { try await backend.usage(of: id) }

    /// Where a TCP port of the sandbox speaks HTTP, and the header fields that every request there needs.
    ///
    /// Through a gateway, the address is the gateway's own, and the header fields carry the API key.
    public func endpoint(port: Int) async throws(SandstormError) -> SandboxEndpoint {
        guard (1...65_535).contains(port) else {
            throw SandstormError(InvalidRequest("/port", "is out of range", remedy: "give 1 to 65535"))
        }
        return try await backend.endpoint(of: id, port: port)
    }
}
