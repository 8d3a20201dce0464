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
    private let recorder: OutputRecorder
    /// What earlier attempts of the run cost.
    private let spent: Money
    private(set) var record: AttemptRecord

    enum Result {
        case ended(RunExecution.Outcome)
        case failed(ProviderError, codeStarted: Bool)
    }

    init(candidate: Decision.Candidate, number: Int, spent: Money, execution: RunExecution, recorder: OutputRecorder) {
        self.candidate = candidate
        self.execution = execution
        self.recorder = recorder
        self.spent = spent
        let configuration = execution.configuration
        let life = configuration.createTimeout + execution.run.request.spec.timeout + configuration.leaseMargin
        record = AttemptRecord(
            id: .generate(), run: execution.run.id, number: number, sandbox: .generate(), offer: candidate.offer, intendedAt: Date(),
            leaseUntil: Date().addingTimeInterval(life.inSeconds))
    }

    private var run: ActiveRun { execution.run }
    private var store: any Store { execution.store }

    mutating func carryOut() async -> Result {
        guard let provider = execution.providers[candidate.offer.provider] else {
            return .failed(ProviderError(.unavailable, "provider \(candidate.offer.provider) is not configured"), codeStarted: false)
        }
        // The intent is durable before the provider hears of it: after a crash the reaper knows what to look for.
        do throws(StoreError) {
            try await store.save(record)
            try await store.setState(.creating, of: run.id)
        } catch {
            return .ended(.failed(RunFailure(.internal, "the journal could not be written: \(error.message)")))
        }
        run.update { $0.state = .creating }
        let asked = ContinuousClock.now
        let sandbox: any Sandbox
        do throws(ProviderError) {
            sandbox = try await create(provider)
        } catch {
            await giveUpCreate(error, provider, asked: asked)
            return .failed(error, codeStarted: false)
        }
        record.providerSandbox = sandbox.id
        record.createdAt = Date()
        let result = await use(sandbox, asked: asked)
        await end(sandbox, asked: asked)
        return result
    }

    // MARK: Create

    private func create(_ provider: any SandboxProvider) async throws(ProviderError) -> any Sandbox {
        let tag = SandboxTag(gateway: store.gateway, run: run.id, attempt: record.id, sandbox: record.sandbox)
        let spec = run.request.spec
        let offer = candidate.offer
        let late = ProviderError(.timedOut, "no sandbox within \(execution.configuration.createTimeout.display)", mayHaveTakenEffect: true)
        return try await within(execution.configuration.createTimeout, else: late) { () async throws(ProviderError) in
            try await provider.create(spec, on: offer, tag: tag)
        }
    }

    /// A create that failed may have made a sandbox all the same: it is looked for by its tag, killed, and billed for its life.
    private mutating func giveUpCreate(_ error: ProviderError, _ provider: any SandboxProvider, asked: ContinuousClock.Instant) async {
        record.failure = error.description
        var isGone = true
        if error.mayHaveTakenEffect || Task.isCancelled {
            let orphan = OrphanHunt(attempt: record, provider: provider, gateway: store.gateway, logger: execution.logger)
            switch await shielded({ await orphan.carryOut() }) {
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

    private mutating func use(_ sandbox: any Sandbox, asked: ContinuousClock.Instant) async -> Result {
        record.startedAt = Date()
        let record = record
        let journaled = await shielded { [store, run] () -> Bool in
            do throws(StoreError) {
                try await store.save(record)
                try await store.setState(.running, of: run.id)
                return true
            } catch {
                return false
            }
        }
        guard journaled else { return .ended(.failed(RunFailure(.internal, "the journal could not be written"))) }
        run.update { result in
            result.state = .running
            result.provider = record.offer.provider
            result.sandbox = record.sandbox
        }
        await run.log.append(.started(provider: record.offer.provider, sandbox: record.sandbox, attempt: record.number))
        let started = ContinuousClock.now
        let code = CodeExecution(run.request.spec, in: sandbox) { [recorder] stream, bytes in await recorder.record(stream, bytes) }
        let ending = await KillDeadline(timeout: run.request.spec.timeout, since: started, costLimit: costLimit, asked: asked).enforce(
            on: code)
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

    /// How long the sandbox may live so that the whole run stays within `maxCost`, and that amount.
    private var costLimit: (Duration, Money)? {
        guard let limit = run.request.constraints.maxCost,
            let life = execution.affordableLife(on: candidate.offer, after: spent)
        else { return nil }
        return (life, limit)
    }

    // MARK: End

    /// Kills the sandbox, confirms it, and bills its life. Goes on to its end in a cancelled task.
    private mutating func end(_ sandbox: any Sandbox, asked: ContinuousClock.Instant) async {
        let configuration = execution.configuration
        let logger = execution.logger
        let run = run.id
        let isGone = await shielded { () -> Bool in
            for number in 1...configuration.killAttempts {
                do throws(ProviderError) {
                    try await sandbox.kill()
                    return true
                } catch {
                    logger.warning("kill failed", metadata: ["run.id": "\(run)", "sandbox.id": "\(sandbox.id)", "error": "\(error)"])
                    try? await Task.sleep(for: .milliseconds(100 << number))
                }
            }
            return false
        }
        charge(since: asked)
        // Without the confirmation the attempt stays open and the reaper goes on trying.
        if isGone { record.endedAt = Date() }
        await journal()
    }

    private mutating func charge(since asked: ContinuousClock.Instant) {
        record.charge = candidate.offer.price.cost(of: candidate.offer.resources, for: asked.duration(to: .now)) ?? .zero
    }

    private func journal() async {
        let record = record
        let store = store
        let logger = execution.logger
        await shielded {
            do throws(StoreError) { try await store.save(record) } catch {
                // Settling writes it again.
                logger.warning("attempt not journaled", metadata: ["attempt.id": "\(record.id)", "error": "\(error)"])
            }
        }
    }
}
