import NIOCore
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A provider whose latency, prices, quota, failures and deaths are written by the test.
///
/// Its sandboxes run nothing: each process plays the script. What happened is counted, so that a test can ask what is left.
package final class ScriptedProvider: SandboxProvider {
    package let id: ProviderID
    package let capabilities: ProviderCapabilities

    /// One thing that a process does.
    package enum Step: Hashable, Sendable {
        case output(String)
        case bytes([UInt8])
        case errorOutput(String)
        case sleep(Duration)
        /// Writes back all input, once it is closed.
        case echoInput
        case exit(Int32)
        /// The sandbox dies under the process.
        case die
        case runOutOfMemory
    }

    private struct State {
        var behaviour: Behaviour
        var living: [ProviderSandboxID: (sandbox: ScriptedSandbox, record: SandboxRecord)] = [:]
        var creates = 0
        var kills = 0
        var commands: [Command] = []
        var stepsPlayed = 0
        var files: [String: [UInt8]] = [:]
    }

    /// How the provider behaves; may be changed at any time.
    package struct Behaviour: Sendable {
        package var price: PriceSchedule
        package var startLatency: Duration
        /// How long a create really takes.
        package var createDelay = Duration.zero
        /// Thrown by the next creates, one each.
        package var createFailures: [ProviderError] = []
        /// With a failure that may have taken effect: the sandbox exists all the same.
        package var failedCreatesTakeEffect = false
        package var script: [Step]
        /// How many sandboxes may live at once.
        package var quota = Int.max
        /// Programs that the sandbox does not have.
        package var missingPrograms: Set<String> = []
        /// Thrown by the next kills, one each.
        package var killFailures: [ProviderError] = []
        package var listFailures: [ProviderError] = []
    }

    private let state: Locked<State>

    package init(
        id: ProviderID = "scripted", price: PriceSchedule = .free, startLatency: Duration = .milliseconds(10),
        capabilities: ProviderCapabilities? = nil, script: [Step] = [.output("hello\n"), .exit(0)]
    ) {
        self.id = id
        self.capabilities =
            capabilities
            ?? ProviderCapabilities(
                maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024), openNetwork: true, networkAllowList: true,
                images: true, teardownTime: .milliseconds(100))
        state = Locked(State(behaviour: Behaviour(price: price, startLatency: startLatency, script: script)))
    }

    /// Changes the behaviour.
    package func behave(_ change: @Sendable (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

    /// Sandboxes that exist now.
    package var livingCount: Int { state.withLock { $0.living.count } }
    /// Creates that were asked for, failed ones included.
    package var createCount: Int { state.withLock { $0.creates } }
    /// Kills of a living sandbox.
    package var killCount: Int { state.withLock { $0.kills } }
    /// Every command started, in order.
    package var commands: [Command] { state.withLock { $0.commands } }
    /// Steps of the script that processes have begun.
    package var stepsPlayed: Int { state.withLock { $0.stepsPlayed } }
    /// Every file written, by its absolute path.
    package var files: [String: [UInt8]] { state.withLock { $0.files } }

    package func offers(for spec: SandboxSpec) -> [Offer] {
        guard capabilities.refusal(of: spec) == nil else { return [] }
        let behaviour = state.withLock { $0.behaviour }
        return [
            Offer(
                id: "\(id)/default", provider: id, region: spec.region, resources: spec.resources, isolation: .maximum,
                price: behaviour.price, startLatency: behaviour.startLatency)
        ]
    }

    package func create(_ spec: SandboxSpec, on offer: Offer, tag: SandboxTag) async throws(ProviderError) -> any Sandbox {
        let (delay, failure, takesEffect) = state.withLock { state -> (Duration, ProviderError?, Bool) in
            state.creates += 1
            let failure = state.behaviour.createFailures.isEmpty ? nil : state.behaviour.createFailures.removeFirst()
            return (state.behaviour.createDelay, failure, failure == nil || state.behaviour.failedCreatesTakeEffect)
        }
        do { try await Task.sleep(for: delay) } catch { throw ProviderError(.timedOut, "cancelled") }
        let sandbox = ScriptedSandbox(id: ProviderSandboxID("scripted-" + tag.sandbox.rawValue), provider: self)
        if takesEffect {
            let full = state.withLock { state -> Bool in
                guard state.living.count < state.behaviour.quota else { return true }
                state.living[sandbox.id] = (sandbox, SandboxRecord(id: sandbox.id, tag: tag, createdAt: Date()))
                return false
            }
            if full { throw ProviderError(.quotaExceeded, "the scripted quota is used up") }
        }
        if let failure { throw failure }
        return sandbox
    }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        guard let living = state.withLock({ $0.living[id]?.sandbox }) else { throw ProviderError(.notFound, "no sandbox \(id)") }
        return living
    }

    package func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        let (failure, records) = state.withLock { state -> (ProviderError?, [SandboxRecord]) in
            let failure = state.behaviour.listFailures.isEmpty ? nil : state.behaviour.listFailures.removeFirst()
            return (failure, state.living.values.map(\.record))
        }
        if let failure { throw failure }
        return records.filter { $0.tag.gateway == gateway }
    }

    package func probe() async throws(ProviderError) -> ProviderStatus { ProviderStatus(isHealthy: true, detail: "scripted") }

    fileprivate func started(_ command: Command) throws(ProviderError) -> [Step] {
        let program = command.arguments.first ?? ""
        let (isMissing, script) = state.withLock { state -> (Bool, [Step]) in
            let isMissing = state.behaviour.missingPrograms.contains(program)
            if !isMissing { state.commands.append(command) }
            return (isMissing, state.behaviour.script)
        }
        if isMissing { throw ProviderError(.invalid, "no program \(program)", missingProgram: program) }
        return script
    }

    fileprivate func kill(_ id: ProviderSandboxID) throws(ProviderError) {
        let failure = state.withLock { state -> ProviderError? in
            if !state.behaviour.killFailures.isEmpty { return state.behaviour.killFailures.removeFirst() }
            if state.living.removeValue(forKey: id) != nil { state.kills += 1 }
            return nil
        }
        if let failure { throw failure }
    }

    fileprivate func played() { state.withLock { $0.stepsPlayed += 1 } }
    fileprivate func isAlive(_ id: ProviderSandboxID) -> Bool { state.withLock { $0.living[id] != nil } }
    fileprivate func wrote(_ path: String, _ content: [UInt8]) { state.withLock { $0.files[path] = content } }
    fileprivate func file(_ path: String) -> [UInt8]? { state.withLock { $0.files[path] } }
}

private struct ScriptedSandbox: Sandbox, SandboxFiles {
    let id: ProviderSandboxID
    let provider: ScriptedProvider

    var files: any SandboxFiles { self }

    func start(_ command: Command) async throws(ProviderError) -> any SandboxProcess {
        guard provider.isAlive(id) else { throw ProviderError(.notFound, "the sandbox is gone") }
        return ScriptedProcess(script: try provider.started(command), sandbox: id, provider: provider)
    }

    func extend(to lease: Date) async throws(ProviderError) {}
    func kill() async throws(ProviderError) { try provider.kill(id) }

    func write(_ path: String, _ content: ByteBuffer, mode: UInt16) async throws(ProviderError) {
        provider.wrote(path, Array(content.readableBytesView))
    }

    func read(_ path: String, upTo limit: Int) async throws(ProviderError) -> ByteBuffer {
        guard let content = provider.file(path) else { throw ProviderError(.invalid, "no file \(path)") }
        return ByteBuffer(bytes: content)
    }
}

private final class ScriptedProcess: SandboxProcess {
    private struct State {
        var remaining: ArraySlice<ScriptedProvider.Step>
        var announced = false
        var input: [UInt8] = []
        var inputClosed = false
        var signal: Signal?
        var ended = false
    }

    private let state: Locked<State>
    private let sandbox: ProviderSandboxID
    private let provider: ScriptedProvider

    init(script: [ScriptedProvider.Step], sandbox: ProviderSandboxID, provider: ScriptedProvider) {
        state = Locked(State(remaining: script[...]))
        self.sandbox = sandbox
        self.provider = provider
    }

    var events: ProcessEvents { ProcessEvents { () async throws(ProviderError) in try await self.next() } }

    func write(_ bytes: ByteBuffer) async throws(ProviderError) { state.withLock { $0.input += Array(bytes.readableBytesView) } }
    func closeInput() async throws(ProviderError) { state.withLock { $0.inputClosed = true } }
    func signal(_ signal: Signal) async throws(ProviderError) { state.withLock { $0.signal = signal } }
    func resize(columns: Int, rows: Int) async throws(ProviderError) {}

    private func next() async throws(ProviderError) -> ProcessEvent? {
        while true {
            let step = state.withLock { state -> ScriptedProvider.Step? in
                guard state.announced else {
                    state.announced = true
                    return nil
                }
                return state.remaining.popFirst() ?? .exit(0)
            }
            guard let step else { return .started(pid: 1) }
            if state.withLock({ $0.ended }) { return nil }
            if let event = try await play(step) { return event }
        }
    }

    private func play(_ step: ScriptedProvider.Step) async throws(ProviderError) -> ProcessEvent? {
        provider.played()
        switch step {
        case .output(let text): return .stdout(ByteBuffer(string: text))
        case .bytes(let bytes): return .stdout(ByteBuffer(bytes: bytes))
        case .errorOutput(let text): return .stderr(ByteBuffer(string: text))
        case .sleep(let duration):
            return try await wait(until: .now + duration)
        case .echoInput:
            while !state.withLock({ $0.inputClosed }) {
                if let event = try await wait(until: .now + .milliseconds(2)) { return event }
            }
            return .stdout(ByteBuffer(bytes: state.withLock { $0.input }))
        case .exit(let code):
            state.withLock { $0.ended = true }
            return .exited(ExitStatus(.code(code)))
        case .die: throw ProviderError(.interrupted, "the scripted sandbox died", afterStart: true)
        case .runOutOfMemory: throw ProviderError(.interrupted, "out of memory", afterStart: true, outOfMemory: true)
        }
    }

    /// Passes scripted time, unless the process is killed meanwhile.
    private func wait(until end: ContinuousClock.Instant) async throws(ProviderError) -> ProcessEvent? {
        while true {
            if let signal = state.withLock({ $0.signal }) {
                state.withLock { $0.ended = true }
                return .exited(ExitStatus(.signal(signal)))
            }
            guard provider.isAlive(sandbox) else { throw ProviderError(.interrupted, "the sandbox was killed", afterStart: true) }
            let now = ContinuousClock.now
            guard now < end else { return nil }
            do { try await Task.sleep(until: min(end, now + .milliseconds(2))) } catch {
                throw ProviderError(.interrupted, "cancelled", afterStart: true)
            }
        }
    }
}
