import Logging
import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// One try of a run on one offer: journal, create, execute, kill, meter.
///
/// First it is prepared; of several that are, one is carried out. Whatever happens, when ``prepare()`` returns anything but `ready`, or
/// when ``carryOut(_:)`` or ``giveUp(_:)`` returns, the sandbox is gone, or is known to the store as one to be reaped.
struct Attempt {
    /// The index of its offer in the run's route.
    let place: Int
    let offer: Offer
    let execution: RunExecution
    /// What other attempts of the run cost, at most.
    var spent: Money
    private(set) var record: AttemptRecord
    /// It began with a sandbox that had waited for it.
    var isPooled: Bool { pooled != nil }
    let pooled: WarmPools.Pooled?
    /// It was sent off beside another.
    let isHedge: Bool
    /// Its intent was journaled with the run.
    private let isJournaled: Bool
    let callOff = CallOff()
    let report: AttemptReport

    /// A sandbox in which nothing of the caller's has run yet.
    struct Ready: Sendable {
        var sandbox: any Sandbox
        var provider: any SandboxProvider
        /// Since when it is billed.
        var asked: ContinuousClock.Instant
        /// Since when it is there.
        var made: ContinuousClock.Instant
        /// What is to be done in it; `nil` in one that is lived in.
        var code: CodeExecution?
    }

    enum Preparation: Sendable {
        case ready(Ready)
        case failed(ProviderError)
        /// Another place would be no better.
        case impossible(RunFailure)
        /// Another attempt was faster.
        case lost
    }

    enum Result: Sendable {
        case ended(RunExecution.Outcome)
        case failed(ProviderError, codeStarted: Bool)
        /// The sandbox lives on for the next process.
        case left
    }

    /// Takes a sandbox that waits, if there is one: whoever makes an attempt carries it out or abandons it.
    init(
        place: Int, number: Int, spent: Money, isHedge: Bool = false, isJournaled: Bool = false, execution: RunExecution
    ) {
        self.isJournaled = isJournaled
        self.place = place
        offer = execution.run.route.offers[place]
        self.execution = execution
        self.spent = spent
        self.isHedge = isHedge
        report = AttemptReport(execution.desk, execution.run.route, place: place)
        let configuration = execution.configuration
        let life = configuration.createTimeout + execution.run.request.spec.timeout + configuration.leaseMargin
        record = AttemptRecord(
            id: .generate(), run: execution.run.id, number: number,
            // Callers know a living sandbox by a name that is chosen before; a further attempt makes another sandbox.
            sandbox: number == 1 ? execution.living?.id ?? .generate() : .generate(), offer: offer, intendedAt: Date(),
            leaseUntil: Date().addingTimeInterval(life.inSeconds))
        pooled = execution.isPoolable ? execution.pools.take(for: execution.run.request.spec, on: offer) : nil
        if let pooled { adopt(pooled) }
    }

    /// An attempt that an earlier process has begun.
    init(continuing record: AttemptRecord, spent: Money, execution: RunExecution) {
        place = 0
        offer = record.offer
        self.execution = execution
        self.spent = spent
        self.record = record
        isHedge = false
        isJournaled = true
        pooled = nil
        report = AttemptReport(execution.desk, execution.run.route, place: 0)
    }

    var run: ActiveRun { execution.run }
    var store: any Store { execution.store }

    /// The attempt is that of the sandbox's tag, so that the reaper and the next process know the one by the other.
    private mutating func adopt(_ pooled: WarmPools.Pooled) {
        record.id = pooled.tag.attempt
        if execution.living == nil { record.sandbox = pooled.tag.sandbox }
        record.providerSandbox = pooled.sandbox.id
        record.createdAt = Date()
    }

    /// Gives up an attempt before it was prepared.
    ///
    /// - Returns: what it comes to.
    func abandon() async -> AttemptRecord {
        if let pooled { await execution.pools.discard(pooled) }
        var record = record
        record.endedAt = Date()
        return record
    }

    /// Gives up an attempt before it was prepared, and keeps what it comes to.
    mutating func withdraw() async { record = await abandon() }

    /// Goes on with the sandbox of an attempt that an earlier process has begun.
    mutating func carryOn(with sandbox: any Sandbox, _ provider: any SandboxProvider) async -> Result {
        let asked = ContinuousClock.now - .seconds(max(0, -record.intendedAt.timeIntervalSinceNow))
        let ready = Ready(sandbox: sandbox, provider: provider, asked: asked, made: asked)
        guard let living = execution.living else {
            return .failed(ProviderError(.invalid, "a program can't be gone on with"), codeStarted: true)
        }
        return await finish(await live(living, in: ready), ready)
    }

    /// How long the sandbox may live so that the whole run stays within `maxCost`, and that amount.
    var costLimit: (Duration, Money)? {
        guard let limit = run.request.constraints.maxCost, let life = execution.affordableLife(on: offer, after: spent) else { return nil }
        return (life, limit)
    }

    // MARK: Preparing

    /// Makes the sandbox and writes into it what the code needs, so that only the code's start is left.
    mutating func prepare() async -> Preparation {
        guard let provider = execution.providers[offer.provider] else {
            record.endedAt = Date()
            return .failed(ProviderError(.unavailable, "provider \(offer.provider) is not configured"))
        }
        // The intent is durable before the provider hears of it: after a crash the reaper knows what to look for. The first attempt's was
        // journaled with the run, unless that had to wait.
        if !isJournaled {
            let progress = RunProgress(attempt: record, state: isHedge ? nil : .creating)
            do throws(StoreError) {
                try await run.waits.journaling { () async throws(StoreError) in try await store.save(progress, of: run.id) }
            } catch {
                if let pooled { await execution.pools.discard(pooled) }
                record.endedAt = Date()
                return .impossible(RunFailure(.internal, "the journal could not be written: \(error.message)"))
            }
        }
        if !isHedge { run.update { $0.state = .creating } }
        if let pooled { return await prepare(pooled) }
        let asked = ContinuousClock.now
        let limit = StartLimit(of: self, timeout: execution.configuration.createTimeout, asked: asked)
        let sandbox: any Sandbox
        report.began()
        do throws(ProviderError) {
            sandbox = try await create(provider, within: limit)
        } catch {
            await giveUpCreate(error, provider, asked: asked, limit)
            return .failed(error)
        }
        record.providerSandbox = sandbox.id
        record.createdAt = Date()
        return await furnish(Ready(sandbox: sandbox, provider: provider, asked: asked, made: .now))
    }

    private mutating func prepare(_ pooled: WarmPools.Pooled) async -> Preparation {
        let asked = ContinuousClock.now
        let lease = record.leaseUntil
        let late = ProviderError(.timedOut, "the sandbox that waited did not answer")
        do throws(ProviderError) {
            try await run.waits.during { () async throws(ProviderError) in
                try await within(.seconds(5), else: late) { () async throws(ProviderError) in try await pooled.sandbox.extend(to: lease) }
            }
        } catch {
            // Nothing has happened in it, and nobody is to pay for it.
            record.failure = error.description
            pooled.report.abandoned()
            await end(Ready(sandbox: pooled.sandbox, provider: pooled.provider, asked: asked, made: asked), isBilled: false)
            release()
            return .failed(ProviderError(.interrupted, error.message))
        }
        pooled.report.handOver()
        report.tookOver()
        return await furnish(Ready(sandbox: pooled.sandbox, provider: pooled.provider, asked: asked, made: .now))
    }

    /// Covered until here: a reaper that read the journal before the attempt was in it would take the sandbox for an orphan.
    private func release() { if let pooled { execution.pools.forget(pooled) } }

    private func create(_ provider: any SandboxProvider, within limit: StartLimit) async throws(ProviderError) -> any Sandbox {
        let tag = SandboxTag(gateway: store.gateway, run: run.id, attempt: record.id, sandbox: record.sandbox)
        let spec = run.request.spec
        let offer = offer
        let origin = execution.living?.origin ?? .new
        let run = run
        let (result, isLate) = await run.waits.during {
            await run.interruptibly(within: limit.left, unless: callOff) { () async -> Swift.Result<any Sandbox, ProviderError> in
                do throws(ProviderError) {
                    switch origin {
                    case .snapshot(let snapshot): return .success(try await provider.create(spec, from: snapshot, on: offer, tag: tag))
                    case .fork(let parent): return .success(try await parent.fork(tag: tag))
                    case .new, .adopted: return .success(try await provider.create(spec, on: offer, tag: tag))
                    }
                } catch {
                    return .failure(error)
                }
            }
        }
        switch result {
        case .success(let sandbox): return sandbox
        case .failure(let error): throw isLate ? limit.error : error
        }
    }

    /// A create that failed may have made a sandbox all the same: it is looked for by its tag, killed, and billed for its life.
    private mutating func giveUpCreate(
        _ error: ProviderError, _ provider: any SandboxProvider, asked: ContinuousClock.Instant, _ limit: StartLimit
    ) async {
        note(error, limit)
        var isGone = true
        if error.mayHaveTakenEffect || run.cancellation != nil || callOff.reason != nil {
            let orphan = OrphanHunt(attempt: record, provider: provider, gateway: store.gateway, logger: execution.logger)
            switch await run.waits.during({ await orphan.carryOut() }) {
            case .neverWas: break
            case .killed(let id):
                record.providerSandbox = id
                charge(since: asked)
            case .unknown: isGone = false
            }
        }
        if isGone { record.endedAt = Date() }
        await journal()
    }

    /// Writes down why it was given up, and tells the desk unless the place is not to blame.
    private mutating func note(_ error: ProviderError, _ limit: StartLimit) {
        record.failure = callOff.reason ?? error.description
        if run.cancellation != nil || callOff.reason != nil || (limit.isCallers && limit.left <= .zero) {
            report.abandoned()
        } else {
            report.failed(error)
        }
    }

    /// Writes the files with which the code or its caller begins.
    private mutating func furnish(_ ready: Ready) async -> Preparation {
        // The code's own time begins with its files.
        let isCode = execution.living == nil
        let timeout = isCode ? run.request.spec.timeout : execution.configuration.createTimeout
        let limit = StartLimit(of: self, timeout: timeout, asked: ready.asked)
        let sandbox = ready.sandbox
        var ready = ready
        let furnishing: @Sendable () async throws(ProviderError) -> Void
        if let living = execution.living {
            furnishing = { () async throws(ProviderError) in try await living.furnish(sandbox) }
        } else {
            let recorder = execution.recorder
            let report = report
            let code = CodeExecution(run.request.spec, in: sandbox, waits: run.waits, onFirstStart: { report.started() }) {
                stream, bytes in await recorder.record(stream, bytes)
            }
            ready.code = code
            furnishing = { () async throws(ProviderError) in try await code.prepare() }
        }
        let (failure, isLate) = await run.interruptibly(within: limit.left, unless: callOff) { () async -> ProviderError? in
            do throws(ProviderError) { try await furnishing() } catch { return error }
            return nil
        }
        if execution.living != nil, failure == nil { report.started() }
        guard var error = failure else { return .ready(ready) }
        if isLate { error = limit.error }
        note(error, limit)
        await end(ready)
        release()
        if isLate, isCode, !limit.isCallers { return .impossible(RunFailure(.timeout, "killed after its timeout of \(timeout.display)")) }
        return .failed(error)
    }

    /// Makes sure that a sandbox answers before the code is given to it rather than to another.
    ///
    /// - Returns: how it does not; it is given up then.
    mutating func reach(_ ready: Ready) async -> ProviderError? {
        guard let code = ready.code else { return nil }
        let limit = StartLimit(of: self, timeout: execution.configuration.createTimeout, asked: ready.asked)
        let (failure, isLate) = await run.interruptibly(within: limit.left, unless: callOff) { () async -> ProviderError? in
            do throws(ProviderError) { try await code.reach() } catch { return error }
            return nil
        }
        guard var error = failure else { return nil }
        if isLate { error = limit.error }
        note(error, limit)
        await end(ready)
        release()
        return error
    }

    /// Gives up a sandbox that is ready: another was faster.
    mutating func giveUp(_ ready: Ready) async {
        record.failure = callOff.reason
        let ended = execution.desk.now
        await end(ready)
        report.abandoned(at: ended)
        release()
    }

    // MARK: Use

    /// Runs the code, or lets callers live in the sandbox, and ends it.
    mutating func carryOut(_ ready: Ready) async -> Result {
        let result = await finish(await use(ready), ready)
        release()
        return result
    }

    private mutating func finish(_ result: Result, _ ready: Ready) async -> Result {
        // Told once the sandbox has left its place to others.
        let ended = execution.desk.now
        switch result {
        case .left: break
        case .ended:
            await end(ready, isLast: true)
            report.finished(at: ended)
        case .failed(let error, _):
            let isPlaces = run.cancellation == nil
            await end(ready)
            if isPlaces { report.failed(error, at: ended) } else { report.abandoned(at: ended) }
        }
        if let living = execution.living { await living.close() }
        return result
    }

    private mutating func use(_ ready: Ready) async -> Result {
        record.startedAt = Date()
        let record = record
        if execution.living == nil {
            // The journal may have this later: what a crash leaves is found by the intent. Most runs are over before and save a commit.
            run.log.note(RunProgress(attempt: record, state: .running))
        } else {
            do throws(StoreError) {
                try await run.waits.journaling { () async throws(StoreError) in
                    try await store.save(RunProgress(attempt: record, state: .running), of: run.id)
                }
            } catch {
                return .ended(.failed(RunFailure(.internal, "the journal could not be written")))
            }
        }
        run.update { result in
            result.state = .running
            result.provider = record.offer.provider
            result.sandbox = record.sandbox
        }
        await run.log.append(.started(provider: record.offer.provider, sandbox: record.sandbox, attempt: record.number))
        if let living = execution.living { return await live(living, in: ready) }
        guard let code = ready.code else {
            return .ended(.failed(RunFailure(.internal, "there was nothing to run")))
        }
        let deadline = KillDeadline(timeout: run.request.spec.timeout, since: ready.made, costLimit: costLimit, asked: ready.asked)
        let ending = await deadline.enforce(on: code, of: run)
        run.update { $0.duration = ready.made.duration(to: .now) }
        let recorder = execution.recorder
        switch ending {
        case .exited(let status):
            await recorder.finish()
            await run.log.append(.exited(status))
            return .ended(.exited(status))
        case .killed(let failure):
            let status = ExitStatus(.signal(.kill))
            await recorder.finish()
            await run.log.append(.exited(status))
            return .ended(.failed(failure, status))
        case .failed(let error):
            self.record.failure = error.description
            return .failed(error, codeStarted: code.hasStarted)
        }
    }

    /// Lets callers into a sandbox until its life is to end.
    private mutating func live(_ living: LivingSandbox, in ready: Ready) async -> Result {
        let place = LivingSandbox.Place(
            sandbox: ready.sandbox, provider: ready.provider, candidate: run.route.candidate(at: place), asked: ready.asked, spent: spent,
            costLimit: costLimit.map { (ready.asked + $0.0, $0.1) })
        let ending = await run.interruptibly { await living.live(in: place) }
        // The lease may have been renewed: what is written of the attempt from now on must not take that back.
        record.leaseUntil = max(record.leaseUntil, living.lease.addingTimeInterval(execution.configuration.leaseMargin.inSeconds))
        switch ending {
        case .killed: return .ended(.over)
        case .left: return .left
        case .failed(let failure):
            record.failure = failure.description
            if failure.kind == .sandboxLost { report.failed(ProviderError(.interrupted, failure.detail, afterStart: true)) }
            return .ended(.failed(failure))
        }
    }

    // MARK: End

    /// Kills the sandbox, confirms it, and bills its life.
    ///
    /// - Parameter isLast: the run is settled next, which writes down what the attempt came to.
    private mutating func end(_ ready: Ready, isBilled: Bool = true, isLast: Bool = false) async {
        var isGone = false
        for number in 1...execution.configuration.killAttempts {
            do throws(ProviderError) {
                try await run.waits.during { () async throws(ProviderError) in try await ready.sandbox.kill() }
                isGone = true
                break
            } catch {
                execution.logger.warning(
                    "kill failed", metadata: ["run.id": "\(run.id)", "sandbox.id": "\(ready.sandbox.id)", "error": "\(error)"])
                await run.waits.during { try? await Task.sleep(for: .milliseconds(100 << number)) }
            }
        }
        if isBilled { charge(since: ready.asked) }
        // Without the confirmation the attempt stays open and the reaper goes on trying.
        if isGone { record.endedAt = Date() }
        if !isLast { await journal() }
    }

    private mutating func charge(since asked: ContinuousClock.Instant) {
        record.charge = offer.price.cost(of: offer.resources, for: asked.duration(to: .now)) ?? .zero
    }

    private func journal() async {
        do throws(StoreError) {
            try await run.waits.journaling { () async throws(StoreError) in try await store.save(record) }
        } catch {
            // Settling writes it again.
            execution.logger.warning("attempt not journaled", metadata: ["attempt.id": "\(record.id)", "error": "\(error)"])
        }
    }
}
