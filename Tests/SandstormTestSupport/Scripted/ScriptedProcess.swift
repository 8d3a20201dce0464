import NIOCore
import SandstormCore

/// A process that plays a script, one step whenever its events are asked for.
final class ScriptedProcess: SandboxProcess {
    private struct State {
        var remaining: ArraySlice<ScriptedProvider.Step>
        var announced = false
        var input: [UInt8] = []
        var inputClosed = false
        var size: TerminalSize?
        var sizeIsNew: Bool
        var signal: Signal?
        var ended = false
    }

    private let state: Locked<State>
    private let pid: Int32
    private let sandbox: ProviderSandboxID
    private let provider: ScriptedProvider

    init(
        script: [ScriptedProvider.Step], pid: Int32, terminal: TerminalSize?, sandbox: ProviderSandboxID, provider: ScriptedProvider
    ) {
        state = Locked(State(remaining: script[...], size: terminal, sizeIsNew: terminal != nil))
        self.pid = pid
        self.sandbox = sandbox
        self.provider = provider
    }

    var events: ProcessEvents { ProcessEvents { () async throws(ProviderError) in try await self.next() } }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) {
        try checkSandbox()
        state.withLock { $0.input += Array(bytes.readableBytesView) }
    }

    func closeInput() async throws(ProviderError) {
        try checkSandbox()
        state.withLock { $0.inputClosed = true }
    }

    func signal(_ signal: Signal, to target: SignalTarget) async throws(ProviderError) {
        try checkSandbox()
        guard !state.withLock({ $0.ended }), provider.signalled(signal) else { return }
        state.withLock { $0.signal = signal }
    }

    func resize(columns: Int, rows: Int) async throws(ProviderError) {
        try checkSandbox()
        guard state.withLock({ $0.size != nil }) else { throw ProviderError(.invalid, "the process has no terminal") }
        state.withLock { state in
            state.size = TerminalSize(columns: columns, rows: rows)
            state.sizeIsNew = true
        }
    }

    private func checkSandbox() throws(ProviderError) {
        guard provider.isAlive(sandbox) else { throw ProviderError(.notFound, "the sandbox is gone") }
    }

    private func next() async throws(ProviderError) -> ProcessEvent? {
        while true {
            if state.withLock({ $0.ended }) { return nil }
            if let ended = try await wait(until: .now) { return ended }
            let step = state.withLock { state -> ScriptedProvider.Step? in
                guard state.announced else {
                    state.announced = true
                    return nil
                }
                return state.remaining.popFirst() ?? .exit(0)
            }
            guard let step else { return .started(pid: pid) }
            if let event = try await play(step) { return event }
        }
    }

    private func play(_ step: ScriptedProvider.Step) async throws(ProviderError) -> ProcessEvent? {
        provider.played()
        switch step {
        case .output(let text): return .stdout(ByteBuffer(string: text))
        case .bytes(let bytes): return .stdout(ByteBuffer(bytes: bytes))
        case .errorOutput(let text): return .stderr(ByteBuffer(string: text))
        case .sleep(let duration): return try await wait(until: .now + duration)
        case .echoInput:
            while !state.withLock({ $0.inputClosed }) {
                if let event = try await wait(until: .now + .milliseconds(2)) { return event }
            }
            return .stdout(ByteBuffer(bytes: state.withLock { $0.input }))
        case .cat:
            return try await answer(again: .cat) { state in
                guard !state.input.isEmpty else { return nil }
                defer { state.input = [] }
                return state.input
            }
        case .reportSize:
            return try await answer(again: .reportSize) { state in
                guard state.sizeIsNew, let size = state.size else { return nil }
                state.sizeIsNew = false
                return Array("\(size.rows)x\(size.columns)\n".utf8)
            }
        case .exit(let code):
            state.withLock { $0.ended = true }
            return .exited(ExitStatus(.code(code)))
        case .die: throw ProviderError(.interrupted, "the scripted sandbox died", afterStart: true)
        case .vanish:
            provider.lose(sandbox)
            throw ProviderError(.interrupted, "the scripted sandbox vanished", afterStart: true)
        case .runOutOfMemory: throw ProviderError(.interrupted, "out of memory", afterStart: true, outOfMemory: true)
        }
    }

    /// Puts out what `take` finds, and plays the same step again afterwards, until the input is closed.
    private func answer(
        again step: ScriptedProvider.Step, _ take: @Sendable (inout State) -> [UInt8]?
    ) async throws(ProviderError) -> ProcessEvent? {
        while true {
            let (piece, isOver) = state.withLock { (take(&$0), $0.inputClosed) }
            if let piece {
                state.withLock { $0.remaining = [step] + $0.remaining }
                return .stdout(ByteBuffer(bytes: piece))
            }
            if isOver { return nil }
            if let event = try await wait(until: .now + .milliseconds(2)) { return event }
        }
    }

    /// Passes scripted time, unless the process is killed meanwhile. Time stands still while the sandbox is paused.
    private func wait(until end: ContinuousClock.Instant) async throws(ProviderError) -> ProcessEvent? {
        while true {
            let isPaused = provider.isPaused(sandbox)
            if !isPaused, let signal = state.withLock({ $0.signal }) {
                state.withLock { $0.ended = true }
                return .exited(ExitStatus(.signal(signal)))
            }
            guard provider.isAlive(sandbox) else { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            let now = ContinuousClock.now
            guard now < end || isPaused else { return nil }
            do { try await Task.sleep(until: isPaused ? now + .milliseconds(2) : min(end, now + .milliseconds(2))) } catch {
                throw ProviderError(.interrupted, "cancelled", afterStart: true)
            }
        }
    }
}
