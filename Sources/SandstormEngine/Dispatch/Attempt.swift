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
/// Whatever happens, when ``carryOut()`` returns the sandbox is gone, or is known to the store as one to be reaped.
struct Attempt {
    private let candidate: Decision.Candidate
    private let execution: RunExecution
    /// What earlier attempts of the run cost.
    private let spent: Money
    private(set) var record: AttemptRecord
    /// It began with a sandbox that had waited for it.
    var isPooled: Bool { pooled != nil }
    private let pooled: WarmPools.Pooled?

    enum Result {
        case ended(RunExecution.Outcome)
        case failed(ProviderError, codeStarted: Bool)
        /// The sandbox lives on for the next process.
        case left
    }

    /// Takes a sandbox that waits, if there is one: whoever makes an attempt carries it out or abandons it.
    init(candidate: Decision.Candidate, number: Int, spent: Money, execution: RunExecution) {
        self.candidate = candidate
        self.execution = execution
        self.spent = spent
        let configuration = execution.configuration
        let life = configuration.createTimeout + execution.run.request.spec.timeout + configuration.leaseMargin
        record = AttemptRecord(
            id: .generate(), run: execution.run.id, number: number,
            // Callers know a living sandbox by a name that is chosen before; a further attempt makes another sandbox.
            sandbox: number == 1 ? execution.living?.id ?? .generate() : .generate(), offer: candidate.offer, intendedAt: Date(),
            leaseUntil: Date().addingTimeInterval(life.inSeconds))
        pooled = execution.isPoolable ? execution.pools.take(for: execution.run.request.spec, on: candidate.offer) : nil
        if let pooled { adopt(pooled) }
    }

    /// An attempt that an earlier process has begun.
    init(continuing record: AttemptRecord, on candidate: Decision.Candidate, spent: Money, execution: RunExecution) {
        self.candidate = candidate
        self.execution = execution
        self.spent = spent
        self.record = record
        pooled = nil
    }

    private var run: ActiveRun { execution.run }
    private var store: any Store { execution.store }

    mutating func carryOut() async -> Result {
        guard let provider = execution.providers[candidate.offer.provider] else {
            record.endedAt = Date()
            return .failed(ProviderError(.unavailable, "provider \(candidate.offer.provider) is not configured"), codeStarted: false)
        }
        // The intent is durable before the provider hears of it: after a crash the reaper knows what to look for. The first attempt's was
        // journaled with the run.
        if record.number > 1 {
            do throws(StoreError) {
                try await run.waits.journaling { () async throws(StoreError) in
                    try await store.save(RunProgress(attempt: record, state: .creating), of: run.id)
                }
            } catch {
                if let pooled { await execution.pools.discard(pooled) }
                return .ended(.failed(RunFailure(.internal, "the journal could not be written: \(error.message)")))
            }
        }
        run.update { $0.state = .creating }
        let asked = ContinuousClock.now
        if let pooled { return await begin(pooled, asked: asked) }
        let sandbox: any Sandbox
        do throws(ProviderError) {
            sandbox = try await create(provider)
        } catch {
            await giveUpCreate(error, provider, asked: asked)
            return .failed(error, codeStarted: false)
        }
        record.providerSandbox = sandbox.id
        record.createdAt = Date()
        return await finish(await use(sandbox, provider, asked: asked), sandbox, asked: asked)
    }

    /// Gives up an attempt before it was carried out.
    ///
    /// - Returns: what it comes to.
    func abandon() async -> AttemptRecord {
        if let pooled { await execution.pools.discard(pooled) }
        var record = record
        record.endedAt = Date()
        return record
    }

    /// Goes on with the sandbox of an attempt that an earlier process has begun.
    mutating func carryOn(with sandbox: any Sandbox, _ provider: any SandboxProvider) async -> Result {
        let asked = ContinuousClock.now - .seconds(max(0, -record.intendedAt.timeIntervalSinceNow))
        guard let living = execution.living else {
            return .failed(ProviderError(.invalid, "a program can't be gone on with"), codeStarted: true)
        }
        return await finish(await live(living, in: sandbox, provider, asked: asked), sandbox, asked: asked)
    }

    private mutating func finish(_ result: Result, _ sandbox: any Sandbox, asked: ContinuousClock.Instant) async -> Result {
        switch result {
        case .left: break
        case .ended: await end(sandbox, asked: asked, isLast: true)
        case .failed: await end(sandbox, asked: asked)
        }
        if let living = execution.living { await living.close() }
        return result
    }

    // MARK: Pool

    /// The attempt is that of the sandbox's tag, so that the reaper and the next process know the one by the other.
    private mutating func adopt(_ pooled: WarmPools.Pooled) {
        record.id = pooled.tag.attempt
        if execution.living == nil { record.sandbox = pooled.tag.sandbox }
        record.providerSandbox = pooled.sandbox.id
        record.createdAt = Date()
    }

    private mutating func begin(_ pooled: WarmPools.Pooled, asked: ContinuousClock.Instant) async -> Result {
        let result = await use(pooled, asked: asked)
        // Covered until here: a reaper that read the journal before the attempt was in it would take the sandbox for an orphan.
        execution.pools.forget(pooled)
        return result
    }

    private mutating func use(_ pooled: WarmPools.Pooled, asked: ContinuousClock.Instant) async -> Result {
        let lease = record.leaseUntil
        let late = ProviderError(.timedOut, "the sandbox that waited did not answer")
        do throws(ProviderError) {
            try await run.waits.during { () async throws(ProviderError) in
                try await within(.seconds(5), else: late) { () async throws(ProviderError) in try await pooled.sandbox.extend(to: lease) }
            }
        } catch {
            // Nothing has happened in it, and nobody is to pay for it.
            record.failure = error.description
            await end(pooled.sandbox, asked: nil)
            return .failed(ProviderError(.interrupted, error.message), codeStarted: false)
        }
        return await finish(await use(pooled.sandbox, pooled.provider, asked: asked), pooled.sandbox, asked: asked)
    }

    // MARK: Create

    private func create(_ provider: any SandboxProvider) async throws(ProviderError) -> any Sandbox {
        let tag = SandboxTag(gateway: store.gateway, run: run.id, attempt: record.id, sandbox: record.sandbox)
        let spec = run.request.spec
        let offer = candidate.offer
        let origin = execution.living?.origin ?? .new
        let late = ProviderError(.timedOut, "no sandbox within \(execution.configuration.createTimeout.display)", mayHaveTakenEffect: true)
        let limit = execution.configuration.createTimeout
        let run = run
        let (result, isLate) = await run.waits.during {
            await run.interruptibly(within: limit) { () async -> Swift.Result<any Sandbox, ProviderError> in
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
        case .failure(let error): throw isLate ? late : error
        }
    }

    /// A create that failed may have made a sandbox all the same: it is looked for by its tag, killed, and billed for its life.
    private mutating func giveUpCreate(_ error: ProviderError, _ provider: any SandboxProvider, asked: ContinuousClock.Instant) async {
        record.failure = error.description
        var isGone = true
        if error.mayHaveTakenEffect || run.cancellation != nil {
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

    // MARK: Use

    private mutating func use(
        _ sandbox: any Sandbox, _ provider: any SandboxProvider, asked: ContinuousClock.Instant
    ) async -> Result {
        if let living = execution.living {
            let limit = costLimit.map { $0.0 - asked.duration(to: .now) }
            let failure = await run.interruptibly { () async -> ProviderError? in
                do throws(ProviderError) { try await living.furnish(sandbox, within: limit) } catch { return error }
                return nil
            }
            if let failure {
                self.record.failure = failure.description
                return .failed(failure, codeStarted: false)
            }
        }
        self.record.startedAt = Date()
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
        if let living = execution.living { return await live(living, in: sandbox, provider, asked: asked) }
        let started = ContinuousClock.now
        let recorder = execution.recorder
        let code = CodeExecution(run.request.spec, in: sandbox, waits: run.waits) { stream, bytes in
            await recorder.record(stream, bytes)
        }
        let deadline = KillDeadline(timeout: run.request.spec.timeout, since: started, costLimit: costLimit, asked: asked)
        let ending = await deadline.enforce(on: code, of: run)
        run.update { $0.duration = started.duration(to: .now) }
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
    private mutating func live(
        _ living: LivingSandbox, in sandbox: any Sandbox, _ provider: any SandboxProvider, asked: ContinuousClock.Instant
    ) async -> Result {
        let place = LivingSandbox.Place(
            sandbox: sandbox, provider: provider, candidate: candidate, asked: asked, spent: spent,
            costLimit: costLimit.map { (asked + $0.0, $0.1) })
        let ending = await run.interruptibly { await living.live(in: place) }
        // The lease may have been renewed: what is written of the attempt from now on must not take that back.
        record.leaseUntil = max(record.leaseUntil, living.lease.addingTimeInterval(execution.configuration.leaseMargin.inSeconds))
        switch ending {
        case .killed: return .ended(.over)
        case .left: return .left
        case .failed(let failure):
            record.failure = failure.description
            return .ended(.failed(failure))
        }
    }

    /// How long the sandbox may live so that the whole run stays within `maxCost`, and that amount.
    private var costLimit: (Duration, Money)? {
        guard let limit = run.request.constraints.maxCost,
            let life = execution.affordableLife(on: candidate.offer, after: spent)
        else { return nil }
        return (life, limit)
    }

    // MARK: End

    /// Kills the sandbox, confirms it, and bills its life.
    ///
    /// - Parameters:
    ///   - asked: since when it is billed; `nil` if it is not.
    ///   - isLast: the run is settled next, which writes down what the attempt came to.
    private mutating func end(_ sandbox: any Sandbox, asked: ContinuousClock.Instant?, isLast: Bool = false) async {
        var isGone = false
        for number in 1...execution.configuration.killAttempts {
            do throws(ProviderError) {
                try await run.waits.during { () async throws(ProviderError) in try await sandbox.kill() }
                isGone = true
                break
            } catch {
                execution.logger.warning(
                    "kill failed", metadata: ["run.id": "\(run.id)", "sandbox.id": "\(sandbox.id)", "error": "\(error)"])
                await run.waits.during { try? await Task.sleep(for: .milliseconds(100 << number)) }
            }
        }
        if let asked { charge(since: asked) }
        // Without the confirmation the attempt stays open and the reaper goes on trying.
        if isGone { record.endedAt = Date() }
        if !isLast { await journal() }
    }

    private mutating func charge(since asked: ContinuousClock.Instant) {
        record.charge = candidate.offer.price.cost(of: candidate.offer.resources, for: asked.duration(to: .now)) ?? .zero
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
