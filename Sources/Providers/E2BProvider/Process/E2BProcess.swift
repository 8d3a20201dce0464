import NIOCore
import SandstormCore
import SandstormWire

/// A command in a sandbox at E2B.
///
/// Its events come over one connection, pulled as they are asked for. If that breaks, it is looked for by its process id, and its events go
/// on. The protocol has no numbers for what was said, and throws away what is said while nobody listens: so what was lost can't be known,
/// and a process whose connection broke ends with an error at last, never with an exit status as if all of its output had come.
final class E2BProcess: SandboxProcess {
    private struct State {
        var messages: ConnectMessages
        var pending: [ProcessEvent]
        /// The connection broke at least once.
        var hasGap = false
        /// Connections in a row that brought nothing.
        var fruitless = 0
        var end: End?
        var hasKilled = false
    }

    private enum End: Sendable {
        case exited
        case failed(ProviderError)
    }

    let pid: Int32
    private let link: SandboxLink
    private let user: String?
    private let isTerminal: Bool
    private let state: Locked<State>
    /// Opens when the events have come to their end.
    private let over = Latch()

    /// In one message; more goes in several.
    private static let longestInput = 256 * 1024
    /// How long input may be on its way: as long as the process does not read it.
    private static let inputTime = Duration.seconds(86_400)
    /// How often a broken connection is made anew before it brings something.
    private static let mostFruitless = 6

    init(pid: Int32, messages: ConnectMessages, pending: [ProcessEvent], command: Command, link: SandboxLink, user: String?) {
        self.pid = pid
        self.link = link
        self.user = user
        isTerminal = command.terminal != nil
        state = Locked(State(messages: messages, pending: [.started(pid: pid)] + pending))
    }

    // MARK: Events

    var events: ProcessEvents { ProcessEvents { () async throws(ProviderError) in try await self.next() } }

    private func next() async throws(ProviderError) -> ProcessEvent? {
        while true {
            let (event, end, messages) = state.withLock { state -> (ProcessEvent?, End?, ConnectMessages) in
                (state.pending.isEmpty ? nil : state.pending.removeFirst(), state.end, state.messages)
            }
            if let event { return event }
            switch end {
            case .exited?: return nil
            case .failed(let error)?: throw error
            case nil: break
            }
            if let event = try await advance(messages) { return event }
        }
    }

    private func advance(_ messages: ConnectMessages) async throws(ProviderError) -> ProcessEvent? {
        let next: ConnectMessages.Next
        do throws(EnvdFailure) {
            next = try await messages.next(within: link.patience.silence)
        } catch {
            if case .transport(let failure) = error, failure.kind == .cancelled {
                throw ProviderError(.interrupted, "the reader has gone", afterStart: true)
            }
            try await reconnect()
            return nil
        }
        switch next {
        case .message(let payload): return try await accept(payload, messages)
        // An error in place of an exit says that the connection is at its end, not how the process is.
        case .end, .cut:
            try await reconnect()
            return nil
        }
    }

    private func accept(_ payload: ByteBuffer, _ messages: ConnectMessages) async throws(ProviderError) -> ProcessEvent? {
        guard let event = EnvdEvent(payload) else {
            try await reconnect()
            return nil
        }
        state.withLock { $0.fruitless = 0 }
        switch event {
        case .start, .keepalive: return nil
        case .output(let bytes): return bytes.readableBytes > 0 ? .stdout(bytes) : nil
        case .errors(let bytes): return bytes.readableBytes > 0 ? .stderr(bytes) : nil
        case .end(let exit):
            await messages.drain()
            return try await finish(exit)
        }
    }

    private func finish(_ exit: EnvdExit) async throws(ProviderError) -> ProcessEvent? {
        let (hasGap, hasKilled) = state.withLock { ($0.hasGap, $0.hasKilled) }
        guard let outcome = exit.outcome else {
            throw fail(
                ProviderError(.interrupted, "the command ended in a way that is not told", afterStart: true, vendorDetail: exit.status))
        }
        let isKill = outcome == .signal(.kill) || outcome == .code(137)
        // Everything inside ends by SIGKILL when the sandbox does.
        if isKill, link.isDying { throw fail(ProviderError(.interrupted, "the sandbox was killed", afterStart: true)) }
        if isKill, !hasKilled {
            var isOutOfMemory = exit.isOutOfMemory
            if !isOutOfMemory { isOutOfMemory = await link.hasRunOutOfMemory() }
            if isOutOfMemory {
                throw fail(ProviderError(.interrupted, "the command was killed: memory ran out", afterStart: true, outOfMemory: true))
            }
        }
        if hasGap {
            let words =
                switch outcome {
                case .code(let code): "exited with \(code)"
                case .signal(let signal): "was ended by signal \(signal)"
                }
            throw fail(
                ProviderError(
                    .interrupted, "the connection to the command broke, and some of its output may be missing; it \(words) later",
                    afterStart: true))
        }
        end(.exited)
        return .exited(ExitStatus(outcome))
    }

    private func end(_ end: End) {
        state.withLock { $0.end = end }
        over.open()
    }

    private func fail(_ error: ProviderError) -> ProviderError {
        end(.failed(error))
        return error
    }

    // MARK: Connecting again

    /// Looks for the process by its id.
    private func reconnect() async throws(ProviderError) {
        let first = state.withLock { state in
            state.hasGap = true
            state.fruitless += 1
            return state.fruitless
        }
        var pause = Duration.milliseconds(100 << min(first, 6))
        for _ in first..<max(first + 1, E2BProcess.mostFruitless) {
            var presence = await link.presence()
            // A sandbox that is paused comes back, or is killed.
            while case .paused = presence {
                try await sleep(.milliseconds(500))
                presence = await link.presence()
            }
            if case .gone = presence { throw fail(ProviderError(.interrupted, "the sandbox was killed", afterStart: true)) }
            switch try await connect() {
            case .connected: return
            case .gone:
                throw fail(
                    ProviderError(
                        .interrupted, "the connection to the command broke; it has ended since, and how is not known", afterStart: true))
            case .failed: break
            }
            try await sleep(pause)
            pause = min(pause * 2, .seconds(5))
        }
        throw fail(ProviderError(.interrupted, "the connection to the command broke, and could not be made again", afterStart: true))
    }

    private enum Connection {
        case connected, gone, failed
    }

    private func connect() async throws(ProviderError) -> Connection {
        do throws(EnvdFailure) {
            let messages = try await link.stream("process.Process/Connect", ["process": selector], as: user)
            switch try await messages.next(within: link.patience.envd) {
            case .message(let payload):
                guard let event = EnvdEvent(payload) else { return .failed }
                state.withLock { state in
                    state.messages = messages
                    switch event {
                    case .output(let bytes): state.pending.append(.stdout(bytes))
                    case .errors(let bytes): state.pending.append(.stderr(bytes))
                    default: break
                    }
                }
                if case .end(let exit) = event { _ = try? await finish(exit) }
                return .connected
            case .end(let error): return error?.code == .notFound ? .gone : .failed
            case .cut: return .failed
            }
        } catch {
            switch error {
            case .transport(let failure) where failure.kind == .cancelled:
                throw ProviderError(.interrupted, "the reader has gone", afterStart: true)
            case .connect(let failure, _) where failure.code == .notFound: return .gone
            default: return .failed
            }
        }
    }

    private func sleep(_ time: Duration) async throws(ProviderError) {
        do { try await Task.sleep(for: time) } catch { throw ProviderError(.interrupted, "the reader has gone", afterStart: true) }
    }

    private var selector: JSONValue { ["pid": .integer(pid)] }

    // MARK: Input

    func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        var rest = bytes
        while let piece = rest.readSlice(length: min(rest.readableBytes, E2BProcess.longestInput)), piece.readableBytes > 0 {
            let input: JSONValue = [isTerminal ? "pty" : "stdin": ProtobufJSON.base64(piece.readableBytesView)]
            try await send("process.Process/SendInput", ["process": selector, "input": input], within: E2BProcess.inputTime)
        }
    }

    func closeInput() async throws(ProviderError) {
        // A terminal's input has no end of its own: what a keyboard would send is sent.
        if isTerminal { return try await write(ByteBuffer(bytes: [4])) }
        guard link.access.version >= .closeInput else { throw .unsupported("the end of input, with an agent as old as this sandbox's") }
        try await send("process.Process/CloseStdin", ["process": selector])
    }

    /// Sends something to the process; to one that has ended, or does not want it any more, nothing happens.
    private func send(_ method: String, _ message: JSONValue, within limit: Duration? = nil) async throws(ProviderError) {
        try link.checkIsThere()
        guard !over.isOpen else { return }
        let (link, user, over) = (link, user, over)
        // Whoever waits for the process to read hears of its end, and of the sandbox's.
        let failure: EnvdFailure?? = await withTaskGroup(of: EnvdFailure??.self) { group in
            group.addTask {
                do throws(EnvdFailure) {
                    _ = try await link.call(method, message, as: user, within: limit)
                    return .some(nil)
                } catch {
                    return .some(error)
                }
            }
            group.addTask {
                _ = await over.wait()
                return nil
            }
            group.addTask {
                _ = await link.end.wait()
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        switch failure {
        case .some(.none): return
        case .none:
            if link.isGone { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            if Task.isCancelled { throw ProviderError(.interrupted, "the caller has gone", afterStart: true) }
        case .some(.some(let failure)):
            if link.isDying { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            if E2BProcess.isEndOfInput(failure) { return }
            throw await link.error(failure, hasBegun: true)
        }
    }

    /// The process is not there any more, or has closed its input.
    private static func isEndOfInput(_ failure: EnvdFailure) -> Bool {
        guard case .connect(let error, _) = failure else { return false }
        switch error.code {
        case .notFound, .failedPrecondition: return true
        case .internal, .unknown, .aborted:
            let words = error.message.lowercased()
            return ["broken pipe", "closed", "not found", "finished"].contains(where: words.contains)
        default: return false
        }
    }

    // MARK: Signals

    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) {
        if over.isOpen { return }
        try link.checkIsThere()
        if signal == .kill { state.withLock { $0.hasKilled = true } }
        if target == .process, let name = E2BProcess.names[signal] {
            return try await send("process.Process/SendSignal", ["process": selector, "signal": .string(name)])
        }
        // The protocol knows two signals, and one process: the others are sent from inside. Whom there is nobody left to send to has ended.
        let line =
            target == .group
            ? "kill -s $1 -- -$2 2>/dev/null || kill -s $1 $2 2>/dev/null || ! kill -0 $2 2>/dev/null"
            : "kill -s $1 $2 2>/dev/null || ! kill -0 $2 2>/dev/null"
        let result = try await link.run(line, [String(signal.rawValue), String(pid)], as: user)
        guard result.code == 0 else { throw ProviderError(.invalid, "signal \(signal) can't be sent", vendorDetail: result.errors) }
    }

    private static let names: [Signal: String] = [.kill: "SIGNAL_SIGKILL", .terminate: "SIGNAL_SIGTERM"]

    func resize(columns: Int, rows: Int) async throws(ProviderError) {
        guard isTerminal else { throw ProviderError(.invalid, "the command has no terminal") }
        let size: JSONValue = ["cols": .integer(max(1, columns)), "rows": .integer(max(1, rows))]
        try await send("process.Process/Update", ["process": selector, "pty": ["size": size]])
    }
}
