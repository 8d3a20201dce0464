import Logging
import NIOCore
import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A living sandbox in this process's care: what callers see of it, its lease, and its processes.
///
/// Its life is a run: ``RunExecution`` makes the sandbox, hands it to ``live(in:)``, and kills, meters and settles it afterwards.
final class LivingSandbox: Sendable {
    /// How a sandbox comes to be.
    enum Origin: Sendable {
        case new
        case snapshot(ProviderSnapshot)
        case fork(of: any Sandbox)
        /// It was there when this process began.
        case adopted(any Sandbox, AttemptRecord)
    }

    /// Where it lives.
    struct Place: Sendable {
        var sandbox: any Sandbox
        var provider: any SandboxProvider
        var candidate: Decision.Candidate
        /// When the provider was asked for it; billing starts here.
        var asked: ContinuousClock.Instant
        /// What attempts before this one cost.
        var spent: Money
        /// When it is killed so that it can't cost more than this.
        var costLimit: (end: ContinuousClock.Instant, amount: Money)?
    }

    /// Why its life is over.
    enum Ending: Sendable {
        /// Somebody asked for it.
        case killed
        case failed(RunFailure)
        /// It lives on for the next process.
        case left
    }

    /// How many processes that have ended are remembered, and how much of their output.
    private static let rememberedProcesses = 100
    private static let rememberedOutput = 4 * 1024 * 1024
    /// The clock on the wall may be set: leases are looked at again after this long at the latest.
    private static let longestNap = Duration.seconds(60)

    let id: SandboxID
    let run: ActiveRun
    let origin: Origin
    /// Written before anybody can start a process.
    let files: [SpecFile]
    /// Changes of its state happen one after the other.
    let turnstile = Turnstile()
    private let store: any Store
    private let configuration: EngineConfiguration
    private let logger: Logger

    private struct State {
        var record: LivingSandboxRecord
        var place: Place?
        var ending: Ending?
        var processes: [ProcessID: LivingProcess] = [:]
        /// Those that have ended, oldest first.
        var endedProcesses: [ProcessID] = []
        /// How often its provider did not list it.
        var misses = 0
        var isSuspected = false
    }

    private let state: Locked<State>
    private let changes = ChangeSignal()

    init(
        _ record: LivingSandboxRecord, run: ActiveRun, origin: Origin, files: [SpecFile], store: any Store,
        _ configuration: EngineConfiguration, logger: Logger
    ) {
        id = record.info.id
        self.run = run
        self.origin = origin
        self.files = files
        self.store = store
        self.configuration = configuration
        self.logger = logger
        state = Locked(State(record: record))
    }

    var tenant: TenantID { run.record.tenant }

    /// The sandbox as it stands.
    var info: SandboxInfo {
        let (record, place) = state.withLock { ($0.record, $0.place) }
        var info = record.info
        if let place {
            let offer = place.candidate.offer
            let life = place.asked.duration(to: .now)
            info.cost = place.spent + (offer.price.cost(of: offer.resources, for: life) ?? .zero)
        }
        return info
    }

    // MARK: Life

    /// Writes the files that the caller sent along.
    func furnish(_ sandbox: any Sandbox) async throws(ProviderError) {
        for file in files {
            try await sandbox.files.write(WorkspacePath.absolute(file.path), ByteBuffer(bytes: file.content), mode: file.mode)
        }
    }

    /// Lets callers in, and returns when its life is to end: it was killed, its lease or its money has run out, or it is gone.
    func live(in place: Place) async -> Ending {
        let offer = place.candidate.offer
        let record = state.withLock { state -> LivingSandboxRecord in
            var record = state.record
            if record.info.state == .creating {
                record.info.state = .running
                record.info.leaseUntil = Date.thisMillisecond.addingTimeInterval(record.info.spec.timeout.inSeconds)
            }
            record.info.provider = offer.provider
            record.info.region = offer.region
            record.providerSandbox = place.sandbox.id
            return record
        }
        let isKept = await shielded { [store] in
            do throws(StoreError) { return try await store.save(record) } catch { return false }
        }
        guard isKept else { return .failed(RunFailure(.internal, "the journal could not be written")) }
        state.withLock { state in
            state.record = record
            if state.ending == nil { state.place = place }
        }
        changes.raise()
        if record.info.onLeaseEnd == .pause { await tellPlace(of: record.info.leaseUntil, place) }
        while true {
            let version = changes.version
            let (ending, lease) = state.withLock { ($0.ending, $0.record.info.leaseUntil) }
            if let ending { return ending }
            if Task.isCancelled { return .killed }
            let left = lease.timeIntervalSinceNow
            if left <= 0 {
                if await !keepAtLeaseEnd(in: place) { end(.failed(RunFailure(.timeout, "its lease ended"))) }
            } else if let limit = place.costLimit, limit.end <= .now {
                end(.failed(RunFailure(.costLimit, "killed before it would cost more than \(limit.amount)")))
            } else {
                let nap = min(Duration.seconds(left), LivingSandbox.longestNap)
                let wake = ContinuousClock.now + nap
                await changes.wait(after: version, until: min(wake, place.costLimit?.end ?? wake))
            }
        }
    }

    /// Ends its life; the first reason stays.
    func end(_ ending: Ending) {
        let isBeingMade = state.withLock { state in
            if state.ending == nil { state.ending = ending }
            return state.place == nil
        }
        changes.raise()
        guard isBeingMade else { return }
        switch ending {
        case .killed: run.cancel(.cancelled)
        case .left: run.cancel(.gatewayStopped)
        case .failed(let failure): run.cancel(failure.kind)
        }
    }

    /// Ends what keeps its processes going, once it is gone or left alone.
    func close() async {
        let processes = state.withLock { Array($0.processes.values) }
        await withTaskGroup(of: Void.self) { group in
            for process in processes { group.addTask { await process.stop() } }
        }
        state.withLock { $0.processes = [:] }
    }

    /// Waits until processes can be started in it; `nil` when the waiting task is cancelled.
    ///
    /// - Returns: whether they can: its life may be over before it has begun.
    func waitUntilRunning() async -> Bool? {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { [self] in
                while !Task.isCancelled {
                    let version = changes.version
                    if state.withLock({ $0.place != nil }) { return true }
                    await changes.wait(after: version)
                }
                return nil
            }
            group.addTask { [self] in await run.waitForOutcome() == nil ? nil : false }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    // MARK: State

    /// Where it lives, for something to be done there.
    ///
    /// - Throws: ``EngineError``: `sandboxEnded`, or `conflict` while it is being made, or while it is paused unless that is no matter.
    func place(evenPaused: Bool = false) throws(EngineError) -> Place {
        let (place, ending, state) = state.withLock { ($0.place, $0.ending, $0.record.info.state) }
        if ending != nil { throw EngineError(.sandboxEnded, "sandbox \(id) has ended") }
        guard let place else { throw EngineError(.conflict, "sandbox \(id) is being made: wait until it runs") }
        if state == .paused, !evenPaused { throw EngineError(.conflict, "sandbox \(id) is paused: resume it first") }
        return place
    }

    /// It was made, and is not about to end.
    var isUsable: Bool { state.withLock { $0.place != nil && $0.ending == nil } }
    var currentState: SandboxState { state.withLock { $0.record.info.state } }
    var lease: Date { state.withLock { $0.record.info.leaseUntil } }

    /// Writes down and then shows that it is paused or runs.
    ///
    /// - Parameters:
    ///   - lease: the end of its lease, if that changes too.
    ///   - keptSince: since when its lease is stopped.
    ///   - onLeaseEnd: what becomes of it when its lease ends, if that changes too.
    func become(
        _ newState: SandboxState, until lease: Date? = nil, keptSince: Date? = nil, onLeaseEnd: LeaseEnd? = nil
    ) async throws(EngineError) {
        try await write { info in
            info.state = newState
            info.keptSince = keptSince
            if let lease { info.leaseUntil = lease }
            if let onLeaseEnd { info.onLeaseEnd = onLeaseEnd }
        } with: { [store, attemptUntil = lease.map(attemptLease)] record throws(StoreError) in
            try await store.save(record, attemptUntil: attemptUntil)
        }
        changes.raise()
    }

    /// Writes down and then shows what a front end noted down.
    func set(_ attributes: JSONObject) async throws(EngineError) {
        try await write {
            $0.attributes = attributes
        } with: { [store, id] record throws(StoreError) in
            try await store.set(record.info.attributes, of: id)
        }
    }

    /// Writes down and then shows what it may reach.
    func set(_ network: NetworkPolicy) async throws(EngineError) {
        try await write {
            $0.spec.network = network
        } with: { [store] record throws(StoreError) in
            try await store.save(record, attemptUntil: nil)
        }
    }

    /// First the journal, then what callers see.
    private func write(
        _ change: @Sendable (inout SandboxInfo) -> Void,
        with keep: @escaping @Sendable (LivingSandboxRecord) async throws(StoreError) -> Bool
    ) async throws(EngineError) {
        var record = state.withLock { $0.record }
        change(&record.info)
        let isKept = await shielded { [record] () -> Result<Bool, StoreError> in
            do throws(StoreError) { return .success(try await keep(record)) } catch { return .failure(error) }
        }
        switch isKept {
        case .success(true): state.withLock { change(&$0.record.info) }
        case .success(false): throw EngineError(.sandboxEnded, "sandbox \(id) has ended")
        case .failure(let error): throw EngineError(error)
        }
    }

    /// Until when its attempts are covered by a lease.
    private func attemptLease(_ lease: Date) -> Date { lease.addingTimeInterval(configuration.leaseMargin.inSeconds) }

    /// Writes down and then applies the end of its lease.
    func setLease(_ lease: Date) async throws(EngineError) {
        try await write {
            $0.leaseUntil = lease
        } with: { [store, id, attemptUntil = attemptLease(lease)] _ throws(StoreError) in
            try await store.renew(id, until: lease, attemptUntil: attemptUntil)
        }
        changes.raise()
    }

    /// Does something at its provider, which must not take for ever.
    func ask<Value: Sendable>(
        _ body: @escaping @Sendable () async throws(ProviderError) -> Value
    ) async throws(EngineError) -> Value {
        let late = ProviderError(.timedOut, "the provider did not answer within \(configuration.operationTimeout.display)")
        do throws(ProviderError) {
            return try await within(configuration.operationTimeout, else: late, body)
        } catch {
            throw await explain(error)
        }
    }

    // MARK: Being kept

    /// Freezes it and stops its lease: it is kept for a time that the operator sets.
    func keep(in place: Place) async throws(EngineError) {
        if currentState != .paused {
            try await ask { () async throws(ProviderError) in try await place.sandbox.pause() }
        }
        let now = Date.thisMillisecond
        let end = now.addingTimeInterval(configuration.pausedRetention.inSeconds)
        try await become(.paused, until: end, keptSince: now)
        await tellPlace(of: end, place)
    }

    /// Until when a place may let it live that ends sandboxes by a clock of its own: what is to be paused must not be ended a moment before.
    func endAtPlace(of lease: Date) -> Date {
        state.withLock { $0.record.info.onLeaseEnd } == .pause ? attemptLease(lease) : lease
    }

    /// Tells a place that ends sandboxes by a clock of its own how long this one may live.
    func tellPlace(of lease: Date, _ place: Place) async {
        do throws(EngineError) {
            try await ask { [lease = endAtPlace(of: lease)] () async throws(ProviderError) in try await place.sandbox.extend(to: lease) }
        } catch {
            // It is then found out by the reaper that it is gone.
            logger.warning("lease not extended at the place", metadata: ["sandbox.id": "\(id)", "error": "\(error)"])
        }
    }

    /// How often it is tried to pause a sandbox whose lease has ended.
    private static let keepingAttempts = 3

    /// - Returns: whether it goes on, since it was paused or its lease was renewed meanwhile.
    private func keepAtLeaseEnd(in place: Place) async -> Bool {
        let info = state.withLock { $0.record.info }
        guard info.onLeaseEnd == .pause, info.keptSince == nil, place.provider.capabilities.pause else { return false }
        for number in 1... {
            do throws(EngineError) {
                try await turnstile.pass { () async throws(EngineError) in
                    let (ending, info) = state.withLock { ($0.ending, $0.record.info) }
                    guard ending == nil, info.keptSince == nil, info.leaseUntil <= Date() else { return }
                    try await keep(in: place)
                }
                return true
            } catch {
                logger.warning("sandbox not paused at its lease's end", metadata: ["sandbox.id": "\(id)", "error": "\(error)"])
                guard number < LivingSandbox.keepingAttempts, state.withLock({ $0.ending == nil }) else { return false }
                try? await Task.sleep(for: .seconds(1))
            }
        }
        return false
    }

    // MARK: Losing it

    /// What its provider said of it, for a caller; a sandbox that seems to be gone is looked for.
    func explain(_ error: ProviderError) async -> EngineError {
        if error.saysThatSandboxIsGone { await suspect() }
        if state.withLock({ $0.ending != nil }) { return EngineError(.sandboxEnded, "sandbox \(id) has ended") }
        // It is there after all: what failed was this one call.
        if error.saysThatSandboxIsGone { return EngineError(.providerFailed, error.message) }
        return EngineError(error)
    }

    /// Something looks as if it were gone: its provider is asked, and it is ended if it is.
    func suspect() async {
        let place = state.withLock { state -> Place? in
            guard state.ending == nil, !state.isSuspected, let place = state.place else { return nil }
            state.isSuspected = true
            return place
        }
        guard let place else { return }
        let isPaused = currentState == .paused
        let verdict = await shielded { () -> ProviderError? in
            let late = ProviderError(.timedOut, "no answer within 5 s")
            do throws(ProviderError) {
                try await within(.seconds(5), else: late) { () async throws(ProviderError) in
                    let sandbox = try await place.provider.attach(place.sandbox.id)
                    // A provider may know a sandbox whose inside does not answer any more.
                    if !isPaused { _ = try await sandbox.files.info("/", followingLinks: true) }
                }
                return nil
            } catch {
                return error
            }
        }
        state.withLock { $0.isSuspected = false }
        guard let verdict, verdict.saysThatSandboxIsGone else { return }
        lose(verdict.message)
    }

    private func lose(_ detail: String) {
        logger.notice("sandbox lost", metadata: ["sandbox.id": "\(id)", "error": "\(detail)"])
        end(.failed(RunFailure(.sandboxLost, detail)))
    }

    /// Its provider has listed what exists; one that is not among it twice is gone.
    ///
    /// - Parameter asked: when the list was asked for.
    func wasListed(by provider: ProviderID, _ isThere: Bool, asked: ContinuousClock.Instant) {
        let isGone = state.withLock { state in
            guard let place = state.place, place.candidate.offer.provider == provider, place.asked < asked else { return false }
            state.misses = isThere ? 0 : state.misses + 1
            return state.misses >= 2
        }
        if isGone { lose("its provider does not know it any more") }
    }

    /// The provider's name for it.
    var providerSandbox: ProviderSandboxID? { state.withLock { $0.place?.sandbox.id } }

    /// Why processes in it end that nobody has ended; `nil` while it lives.
    var lossOfProcesses: RunFailure? {
        switch state.withLock({ $0.ending }) {
        case nil: nil
        case .killed: RunFailure(.cancelled, "the sandbox was killed")
        case .failed(let failure): RunFailure(failure.kind, "the sandbox is gone: \(failure.detail)")
        case .left: RunFailure(.gatewayStopped, "the gateway stopped; what the process does now is not seen")
        }
    }

    // MARK: Processes

    /// Takes on a process that was started.
    ///
    /// - Throws: `sandboxEnded` if the sandbox has ended meanwhile.
    func add(_ process: LivingProcess) throws(EngineError) {
        let isTaken = state.withLock { state in
            guard state.ending == nil else { return false }
            state.processes[process.id] = process
            return true
        }
        guard isTaken else { throw EngineError(.sandboxEnded, "sandbox \(id) has ended") }
    }

    /// A process has ended: it is remembered for a while.
    func ended(_ process: LivingProcess) {
        let rest = state.withLock { state -> [LivingProcess] in
            state.endedProcesses.append(process.id)
            if state.endedProcesses.count > LivingSandbox.rememberedProcesses {
                state.processes[state.endedProcesses.removeFirst()] = nil
            }
            return state.endedProcesses.compactMap { state.processes[$0] }
        }
        var output = rest.reduce(0) { $0 + $1.log.heldBytes }
        for process in rest where output > LivingSandbox.rememberedOutput {
            output -= process.log.heldBytes
            process.log.trim()
        }
    }

    func process(_ process: ProcessID) throws(EngineError) -> LivingProcess {
        guard let process = state.withLock({ $0.processes[process] }) else {
            throw EngineError(.notFound, "there is no process \(process) in sandbox \(id)")
        }
        return process
    }

    /// Oldest first.
    var processes: [SandboxProcessInfo] {
        state.withLock { Array($0.processes.values) }.map(\.info).sorted { ($0.startedAt, $0.id) < ($1.startedAt, $1.id) }
    }
}

extension ProviderError {
    /// The sandbox is not there any more, rather than a file in it.
    var saysThatSandboxIsGone: Bool { (code == .notFound || code == .interrupted) && fileProblem == nil && !outOfMemory }
}
