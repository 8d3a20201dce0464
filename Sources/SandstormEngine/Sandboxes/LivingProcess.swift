import NIOCore
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A process that was started in a living sandbox, until long after its end.
final class LivingProcess: Sendable {
    /// After the kill signal, how long a process may take to be seen ended.
    private static let killGrace = Duration.seconds(5)
    /// Between hanging up on a process and killing it.
    private static let hangUpGrace = Duration.seconds(1)

    let id = ProcessID.generate()
    let log: ProcessLog
    private let process: any SandboxProcess
    private let request: ProcessRequest
    private let sandbox: LivingSandbox
    private let reconnectTime: Duration

    private struct State {
        var info: SandboxProcessInfo
        /// Why it is to end before its time.
        var killed: RunFailure?
        var isFed = false
        var isOver = false
        var followers = 0
        /// Ends the process unless somebody comes back in time.
        var abandonment: Task<Void, Never>?
        /// What keeps it going: reads its events, feeds its input, watches its time.
        var tasks: [Task<Void, Never>] = []
    }

    private let state: Locked<State>
    private let changes = ChangeSignal()

    init(
        _ process: any SandboxProcess, pid: Int32, _ request: ProcessRequest, in sandbox: LivingSandbox,
        _ configuration: EngineConfiguration
    ) {
        self.process = process
        self.request = request
        self.sandbox = sandbox
        reconnectTime = configuration.reconnectTime
        log = ProcessLog(limit: configuration.windowLimit, isDetached: request.detached)
        let command = request.command
        var info = SandboxProcessInfo(
            id: id, pid: pid, arguments: command.arguments, hasTerminal: command.terminal != nil, startedAt: Date())
        info.environment = command.environment
        info.workingDirectory = command.workingDirectory
        info.label = request.label
        state = Locked(State(info: info))
    }

    var info: SandboxProcessInfo { state.withLock { $0.info } }
    var isOver: Bool { state.withLock { $0.isOver } }

    /// Begins to read what it does; called once.
    func begin() async {
        await log.append(.started(info))
        let feeding = Task { await feed() }
        let timing = request.timeout.map { timeout in
            Task {
                do { try await Task.sleep(for: timeout) } catch { return }
                await kill(RunFailure(.timeout, "killed after its timeout of \(timeout.display)"))
            }
        }
        state.withLock { state in
            state.tasks = [feeding] + (timing.map { [$0] } ?? [])
            state.tasks.append(
                Task {
                    await read()
                    feeding.cancel()
                    timing?.cancel()
                    sandbox.ended(self)
                })
        }
    }

    /// Ends everything that keeps it going, and waits for that; the process itself is gone by then.
    func stop() async {
        let tasks = state.withLock { state in
            state.abandonment?.cancel()
            return state.tasks + (state.abandonment.map { [$0] } ?? [])
        }
        log.letGo()
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }

    // MARK: Output

    private func read() async {
        var boundaries = (stdout: CharacterBoundary(), stderr: CharacterBoundary())
        var exit: ExitStatus?
        var problem: ProviderError?
        do throws(ProviderError) {
            var iterator = process.events.makeAsyncIterator()
            while exit == nil, let event = try await iterator.next(isolation: nil) {
                switch event {
                case .started: break
                case .stdout(let bytes): await append(boundaries.stdout.push(bytes.readableBytesView)) { .stdout($0) }
                case .stderr(let bytes): await append(boundaries.stderr.push(bytes.readableBytesView)) { .stderr($0) }
                case .exited(let status): exit = status
                }
            }
        } catch {
            problem = error
        }
        await append(boundaries.stdout.finish()) { .stdout($0) }
        await append(boundaries.stderr.finish()) { .stderr($0) }
        if exit == nil, problem?.outOfMemory != true { await sandbox.suspect() }
        end(exit, problem)
    }

    private func append(_ piece: [UInt8], _ body: ([UInt8]) -> SandboxProcessEvent.Body) async {
        if !piece.isEmpty { await log.append(body(piece)) }
    }

    private func end(_ exit: ExitStatus?, _ problem: ProviderError?) {
        let last = state.withLock { state -> SandboxProcessEvent.Body in
            state.isOver = true
            state.abandonment?.cancel()
            state.info.exit = exit
            state.info.endedAt = Date()
            if let exit, state.killed == nil { return .exited(exit) }
            let failure = state.killed ?? loss(problem)
            state.info.failure = failure
            return .failed(failure)
        }
        log.end(last)
        changes.raise()
    }

    /// Why it is gone although nobody here has killed it.
    private func loss(_ problem: ProviderError?) -> RunFailure {
        if problem?.outOfMemory == true { return RunFailure(.outOfMemory, "the process used more memory than its sandbox has") }
        return sandbox.lossOfProcesses ?? RunFailure(.sandboxLost, problem?.message ?? "its events ended before it did")
    }

    // MARK: Input

    /// What the request brought for standard input, written while the output is read: a process may fill its output first.
    private func feed() async {
        var rest = request.stdin[...]
        do throws(ProviderError) {
            while !rest.isEmpty {
                try await process.write(ByteBuffer(bytes: rest.prefix(64 * 1024)))
                rest = rest.dropFirst(64 * 1024)
            }
            if request.closesInput { try await process.closeInput() }
        } catch {
            // No news here: a process that does not read its input is free to do so, and a lost sandbox shows in its events.
        }
        state.withLock { $0.isFed = true }
        changes.raise()
    }

    func write(_ bytes: ByteBuffer) async throws(EngineError) {
        await waitUntilFed()
        try await told { () async throws(ProviderError) in try await self.process.write(bytes) }
    }

    func closeInput() async throws(EngineError) {
        await waitUntilFed()
        try await told { () async throws(ProviderError) in try await self.process.closeInput() }
    }

    func signal(_ signal: Signal, to target: SignalTarget) async throws(EngineError) {
        if signal == .kill { log.letGo() }
        try await told { () async throws(ProviderError) in try await self.process.signal(signal, to: target) }
    }

    func resize(_ size: TerminalSize) async throws(EngineError) {
        guard request.command.terminal != nil else { throw EngineError(.conflict, "process \(id) has no terminal") }
        try await told { () async throws(ProviderError) in try await self.process.resize(columns: size.columns, rows: size.rows) }
    }

    /// Tells the process something; what comes after its end is dropped.
    private func told(_ body: () async throws(ProviderError) -> Void) async throws(EngineError) {
        guard !isOver else { return }
        do throws(ProviderError) {
            try await body()
        } catch {
            if isOver { return }
            throw await sandbox.explain(error)
        }
    }

    private func waitUntilFed() async {
        while !Task.isCancelled {
            let version = changes.version
            if state.withLock({ $0.isFed || $0.isOver }) { return }
            await changes.wait(after: version)
        }
    }

    // MARK: Ending

    /// Kills it and its group, for a reason that is told to whoever follows.
    private func kill(_ failure: RunFailure) async {
        state.withLock { if $0.killed == nil { $0.killed = failure } }
        log.letGo()
        let late = ProviderError(.timedOut, "the signal was not taken")
        try? await within(LivingProcess.killGrace, else: late) { [process] () async throws(ProviderError) in
            try await process.signal(.kill)
        }
        try? await Task.sleep(for: LivingProcess.killGrace)
        // It did not come to an end: whoever follows is told at least that it was killed.
        guard !Task.isCancelled, !isOver else { return }
        state.withLock { $0.tasks.last }?.cancel()
    }

    /// The events after `sequence`; `nil` for those from now on, of a process that has ended its last.
    func events(after sequence: Int?, following: Bool) -> SandboxProcessEvents {
        let reader = log.reader(after: sequence, follows: following)
        let follower = following ? ProcessFollower(self) : nil
        return SandboxProcessEvents { () async throws(EngineError) in
            _ = follower
            return await reader.next()
        }
    }

    fileprivate func follow() {
        state.withLock { state in
            state.followers += 1
            state.abandonment?.cancel()
            state.abandonment = nil
        }
    }

    fileprivate func unfollow() {
        state.withLock { state in
            state.followers -= 1
            guard state.followers == 0, !state.isOver, !request.detached else { return }
            state.abandonment = Task { [reconnectTime] in
                do { try await Task.sleep(for: reconnectTime) } catch { return }
                await abandon()
            }
        }
    }

    private func abandon() async {
        let failure = RunFailure(.cancelled, "nobody followed it any more")
        state.withLock { if $0.killed == nil { $0.killed = failure } }
        try? await process.signal(.hangUp)
        do { try await Task.sleep(for: LivingProcess.hangUpGrace) } catch { return }
        if !isOver { await kill(failure) }
    }
}

/// Somebody's interest in a process. When the last one goes away and none comes back in time, a process that is not detached ends.
final class ProcessFollower: Sendable {
    private let process: LivingProcess

    init(_ process: LivingProcess) {
        self.process = process
        process.follow()
    }

    deinit { process.unfollow() }
}
