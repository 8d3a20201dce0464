package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// A provider whose latency, prices, quota, failures and deaths are written by the test.
///
/// Its sandboxes run nothing: each process plays the script. Their files live in memory. What happened is counted, so that a test
/// can ask what is left.
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
        /// Writes back each piece of input as it comes, until it is closed.
        case cat
        /// Writes its terminal's size as `24x80` whenever it changes, until input is closed.
        case reportSize
        case exit(Int32)
        /// The process's events end in an error as if the sandbox had died, though it is still there.
        case die
        /// The sandbox vanishes under the process.
        case vanish
        case runOutOfMemory
    }

    /// What the engine may ask of a sandbox, for failures and delays.
    package enum Operation: String, CaseIterable, Hashable, Sendable {
        case start, files, pause, resume, snapshot, createFromSnapshot, deleteSnapshot, fork, endpoint, usage, extend, attach, setNetwork
    }

    struct State {
        var behaviour: Behaviour
        var living: [ProviderSandboxID: Living] = [:]
        var snapshots: [String: ScriptedFileTree] = [:]
        var nextSnapshot = 1
        var creates = 0
        var kills = 0
        var attaches = 0
        var commands: [Command] = []
        var starts: [RunID: Int] = [:]
        var signals: [Signal] = []
        var stepsPlayed = 0
        var files: [String: [UInt8]] = [:]
    }

    /// A sandbox that exists.
    struct Living {
        var sandbox: ScriptedSandbox
        var record: SandboxRecord
        var files: ScriptedFileTree
        var isPaused = false
        var lease: Date?
        var nextPID: Int32 = 1
        var watches: [ScriptedWatch] = []
        var network: NetworkPolicy?
    }

    /// How the provider behaves; may be changed at any time.
    package struct Behaviour: Sendable {
        package var price: PriceSchedule
        package var startLatency: Duration
        /// How long a create really takes.
        package var createDelay = Duration.zero
        /// The sandbox exists before the delay, so that a create that is given up has taken effect.
        package var makesSandboxFirst = false
        /// Thrown by the next creates, one each.
        package var createFailures: [ProviderError] = []
        /// Thrown by every create.
        package var refusal: ProviderError?
        /// So many of the next processes die with their sandbox, in the middle of what they do.
        package var deaths = 0
        /// With a failure that may have taken effect: the sandbox exists all the same.
        package var failedCreatesTakeEffect = false
        /// What a process does whose program has no script of its own.
        package var script: [Step]
        /// What processes do, by their program.
        package var scripts: [String: [Step]] = [:]
        /// How many sandboxes may live at once.
        package var quota = Int.max
        /// Programs that the sandbox does not have.
        package var missingPrograms: Set<String> = []
        /// Signals that processes live on with.
        package var ignoredSignals: Set<Signal> = []
        /// Thrown by the next kills, one each.
        package var killFailures: [ProviderError] = []
        package var listFailures: [ProviderError] = []
        /// Thrown by the next calls of an operation, one each.
        package var failures: [Operation: [ProviderError]] = [:]
        /// How long an operation takes.
        package var delays: [Operation: Duration] = [:]
        /// Where ports are; one that is not here is at the same port of 127.0.0.1.
        package var endpoints: [Int: SandboxEndpoint] = [:]
        package var usage = SandboxUsage()
        /// How old new sandboxes are by the provider's clock.
        package var age = Duration.zero
        /// Sandboxes exist that the list leaves out.
        package var listsNothing = false
        /// What it says of its own prices, after a while.
        package var rates: Result<[ProviderRate], ProviderError> = .success([])
        package var ratesDelay = Duration.zero
    }

    let state: Locked<State>

    package init(
        id: ProviderID = "scripted", price: PriceSchedule = .free, startLatency: Duration = .milliseconds(10),
        capabilities: ProviderCapabilities? = nil, reattach: Bool = false, script: [Step] = [.output("hello\n"), .exit(0)]
    ) {
        self.id = id
        self.capabilities =
            capabilities
            ?? ProviderCapabilities(
                maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024), openNetwork: true, networkAllowList: true,
                networkDenyList: true, networkChange: true, images: true, pause: true, snapshot: [.filesystem, .memory], fork: true,
                ports: true, terminal: true, usage: true,
                watch: true, users: ["root"], reattach: reattach, teardownTime: .milliseconds(100))
        state = Locked(State(behaviour: Behaviour(price: price, startLatency: startLatency, script: script)))
    }

    // MARK: What tests do and ask

    /// Changes the behaviour.
    package func behave(_ change: @Sendable (inout Behaviour) -> Void) { state.withLock { change(&$0.behaviour) } }

    /// Every sandbox vanishes, as when a host is lost: nobody killed them.
    ///
    /// - Returns: how many there were.
    @discardableResult
    package func loseAll() -> Int {
        let gone = state.withLock { state in
            defer { state.living = [:] }
            return (count: state.living.count, watches: state.living.values.flatMap(\.watches))
        }
        for watch in gone.watches { watch.end() }
        return gone.count
    }

    /// Sandboxes that exist now.
    package var livingCount: Int { state.withLock { $0.living.count } }
    /// The records of the sandboxes that exist now, oldest first.
    package var livingRecords: [SandboxRecord] {
        state.withLock { $0.living.values.map(\.record) }.sorted { $0.tag.sandbox < $1.tag.sandbox }
    }
    /// Of them, those that are paused.
    /// What was changed of what living sandboxes may reach.
    package var networks: [NetworkPolicy] { state.withLock { $0.living.values.compactMap(\.network) } }
    package var pausedCount: Int { state.withLock { $0.living.values.count(where: \.isPaused) } }
    /// Until when a sandbox was last told to live, by Sandstorm's name for it.
    package func lease(of sandbox: SandboxID) -> Date? {
        state.withLock { state in state.living.values.first { $0.record.tag.sandbox == sandbox }?.lease }
    }
    /// Creates that were asked for, failed ones included; forks too.
    package var createCount: Int { state.withLock { $0.creates } }
    /// Kills of a living sandbox.
    package var killCount: Int { state.withLock { $0.kills } }
    /// Attaches that succeeded.
    package var attachCount: Int { state.withLock { $0.attaches } }
    /// Every failure that a list was to throw was thrown.
    package var hasNoListFailures: Bool { state.withLock { $0.behaviour.listFailures.isEmpty } }
    /// Snapshots that exist now.
    package var snapshotCount: Int { state.withLock { $0.snapshots.count } }
    /// Every command started, in order.
    package var commands: [Command] { state.withLock { $0.commands } }
    /// How many commands were started for each run.
    package var starts: [RunID: Int] { state.withLock { $0.starts } }
    /// Every signal sent, in order.
    package var signals: [Signal] { state.withLock { $0.signals } }
    /// Steps of the script that processes have begun.
    package var stepsPlayed: Int { state.withLock { $0.stepsPlayed } }
    /// Every file written in any sandbox, by its absolute path.
    package var files: [String: [UInt8]] { state.withLock { $0.files } }

    // MARK: The waist

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
        try await make(ScriptedFileTree(), tag)
    }

    package func create(
        _ spec: SandboxSpec, from snapshot: ProviderSnapshot, on offer: Offer, tag: SandboxTag
    ) async throws(ProviderError) -> any Sandbox {
        try await begin(.createFromSnapshot)
        guard let kept = state.withLock({ $0.snapshots[snapshot.id] }) else {
            throw ProviderError(.invalid, "there is no snapshot \(snapshot.id)")
        }
        return try await make(kept, tag)
    }

    package func delete(_ snapshot: ProviderSnapshot) async throws(ProviderError) {
        try await begin(.deleteSnapshot)
        state.withLock { _ = $0.snapshots.removeValue(forKey: snapshot.id) }
    }

    package func attach(_ id: ProviderSandboxID) async throws(ProviderError) -> any Sandbox {
        try await begin(.attach)
        let living = state.withLock { state in
            if state.living[id] != nil { state.attaches += 1 }
            return state.living[id]?.sandbox
        }
        guard let living else { throw ProviderError(.notFound, "no sandbox \(id)") }
        return living
    }

    package func destroy(_ id: ProviderSandboxID) async throws(ProviderError) { try kill(id) }

    package func sandboxes(taggedBy gateway: GatewayID) async throws(ProviderError) -> [SandboxRecord] {
        let (failure, records) = state.withLock { state -> (ProviderError?, [SandboxRecord]) in
            let failure = state.behaviour.listFailures.isEmpty ? nil : state.behaviour.listFailures.removeFirst()
            return (failure, state.behaviour.listsNothing ? [] : state.living.values.map(\.record))
        }
        if let failure { throw failure }
        return records.filter { $0.tag.gateway == gateway }
    }

    package func probe() async throws(ProviderError) -> ProviderStatus { ProviderStatus(isHealthy: true, detail: "scripted") }

    package func rates() async throws(ProviderError) -> [ProviderRate] {
        let behaviour = state.withLock { $0.behaviour }
        if behaviour.ratesDelay > .zero {
            do { try await Task.sleep(for: behaviour.ratesDelay) } catch { throw ProviderError(.timedOut, "cancelled") }
        }
        return try behaviour.rates.get()
    }

    // MARK: For sandboxes

    /// Waits as long as an operation takes and throws what it is to throw.
    func begin(_ operation: Operation) async throws(ProviderError) {
        let (delay, failure) = state.withLock { state -> (Duration, ProviderError?) in
            let failures = state.behaviour.failures[operation] ?? []
            state.behaviour.failures[operation] = Array(failures.dropFirst())
            return (state.behaviour.delays[operation] ?? .zero, failures.first)
        }
        if delay > .zero {
            do { try await Task.sleep(for: delay) } catch { throw ProviderError(.timedOut, "cancelled") }
        }
        if let failure { throw failure }
    }

    func make(_ files: ScriptedFileTree, _ tag: SandboxTag) async throws(ProviderError) -> ScriptedSandbox {
        let (behaviour, failure, takesEffect) = state.withLock { state -> (Behaviour, ProviderError?, Bool) in
            state.creates += 1
            let failure = state.behaviour.createFailures.isEmpty ? state.behaviour.refusal : state.behaviour.createFailures.removeFirst()
            return (state.behaviour, failure, failure == nil || state.behaviour.failedCreatesTakeEffect)
        }
        let sandbox = ScriptedSandbox(id: ProviderSandboxID("scripted-" + tag.sandbox.rawValue), provider: self)
        if takesEffect, behaviour.makesSandboxFirst { try add(sandbox, files, tag) }
        do { try await Task.sleep(for: behaviour.createDelay) } catch { throw ProviderError(.timedOut, "cancelled") }
        if takesEffect, !behaviour.makesSandboxFirst { try add(sandbox, files, tag) }
        if let failure { throw failure }
        return sandbox
    }

    private func add(_ sandbox: ScriptedSandbox, _ files: ScriptedFileTree, _ tag: SandboxTag) throws(ProviderError) {
        let isFull = state.withLock { state -> Bool in
            guard state.living.count < state.behaviour.quota else { return true }
            let made = Date().addingTimeInterval(-state.behaviour.age.inSeconds)
            let record = SandboxRecord(id: sandbox.id, tag: tag, createdAt: made)
            state.living[sandbox.id] = Living(sandbox: sandbox, record: record, files: files)
            return false
        }
        if isFull { throw ProviderError(.quotaExceeded, "the scripted quota is used up") }
    }

    /// Reads or changes a living sandbox.
    func withLiving<Result: Sendable>(
        _ id: ProviderSandboxID, _ body: (inout Living) throws(ProviderError) -> Result
    ) throws(ProviderError) -> Result {
        try state.withLock { (state) throws(ProviderError) in
            guard var living = state.living[id] else { throw ProviderError(.notFound, "the sandbox is gone") }
            // Taken out meanwhile, so that its files are changed in place and not copied.
            state.living[id]?.files = ScriptedFileTree(isEmpty: true)
            defer { state.living[id] = living }
            return try body(&living)
        }
    }

    func started(_ command: Command, in sandbox: ProviderSandboxID) throws(ProviderError) -> [Step] {
        let program = command.arguments.first ?? ""
        if let user = command.user, user != "user", !capabilities.users.contains(user) {
            throw ProviderError(.invalid, "there is no user \(user)")
        }
        let (isMissing, script) = state.withLock { state -> (Bool, [Step]) in
            let isMissing = state.behaviour.missingPrograms.contains(program)
            guard !isMissing else { return (true, []) }
            state.commands.append(command)
            if let run = state.living[sandbox]?.record.tag.run { state.starts[run, default: 0] += 1 }
            let script = state.behaviour.scripts[program] ?? state.behaviour.script
            guard state.behaviour.deaths > 0 else { return (false, script) }
            state.behaviour.deaths -= 1
            return (false, script.prefix(1) + [.vanish])
        }
        if isMissing { throw ProviderError(.invalid, "no program \(program)", missingProgram: program) }
        return script
    }

    func keep(_ files: ScriptedFileTree, _ kind: SnapshotKind) -> ProviderSnapshot {
        state.withLock { state in
            let id = "snapshot-\(state.nextSnapshot)"
            state.nextSnapshot += 1
            state.snapshots[id] = files
            return ProviderSnapshot(id: id, kind: kind)
        }
    }

    func kill(_ id: ProviderSandboxID) throws(ProviderError) {
        let (failure, watches) = state.withLock { state -> (ProviderError?, [ScriptedWatch]) in
            if !state.behaviour.killFailures.isEmpty { return (state.behaviour.killFailures.removeFirst(), []) }
            let gone = state.living.removeValue(forKey: id)
            if gone != nil { state.kills += 1 }
            return (nil, gone?.watches ?? [])
        }
        for watch in watches { watch.end() }
        if let failure { throw failure }
    }

    /// The sandbox is gone though nobody killed it.
    func lose(_ id: ProviderSandboxID) { state.withLock { $0.living.removeValue(forKey: id) }?.watches.forEach { $0.end() } }

    func played() { state.withLock { $0.stepsPlayed += 1 } }
    func signalled(_ signal: Signal) -> Bool {
        state.withLock { state in
            state.signals.append(signal)
            return signal == .kill || !state.behaviour.ignoredSignals.contains(signal)
        }
    }
    func isAlive(_ id: ProviderSandboxID) -> Bool { state.withLock { $0.living[id] != nil } }
    func isPaused(_ id: ProviderSandboxID) -> Bool { state.withLock { $0.living[id]?.isPaused ?? false } }
    func wrote(_ path: String, _ content: [UInt8]) { state.withLock { $0.files[path] = content } }
    var behaviour: Behaviour { state.withLock { $0.behaviour } }
}
