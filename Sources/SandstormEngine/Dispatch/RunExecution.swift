import Logging
import NIOCore
import SandstormCore
import SandstormRouting
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Carries out one accepted run: attempts on the ranked offers until one has an outcome, then settling.
struct RunExecution: Sendable {
    let run: ActiveRun
    let providers: [ProviderID: any SandboxProvider]
    let store: any Store
    let configuration: EngineConfiguration
    let metrics: EngineMetrics
    let logger: Logger

    /// How a run ended.
    enum Outcome: Sendable {
        case exited(ExitStatus)
        case failed(RunFailure, ExitStatus? = nil)
    }

    private var spec: SandboxSpec { run.request.spec }

    /// Everything from the first attempt to the settled event. Ends by itself; a cancelled task makes it end soon.
    func carryOut() async {
        let recorder = OutputRecorder(run: run, limit: configuration.resultOutputLimit)
        let persister = Task { await run.log.persist(logger: logger) }
        let (outcome, attempts) = await dispatch(recorder)
        await shielded {
            await recorder.finish()
            await settle(outcome, attempts, recorder)
            await persister.value
        }
    }

    // MARK: Dispatch

    private func dispatch(_ recorder: OutputRecorder) async -> (Outcome, [AttemptRecord]) {
        var attempts: [AttemptRecord] = []
        var failures: [ProviderError] = []
        var isUnpayable = false
        for candidate in run.decision.ranking {
            var isSecondTry = false
            while true {
                if let ended = endedEarly() { return (ended, attempts) }
                let spent = attempts.reduce(Money.zero) { $0 + $1.charge }
                // Routing looked at the whole cap; what earlier attempts cost is no longer there.
                if !attempts.isEmpty, !isPayable(candidate.offer, after: spent) {
                    isUnpayable = true
                    break
                }
                var attempt = Attempt(candidate: candidate, number: attempts.count + 1, spent: spent, execution: self, recorder: recorder)
                let result = await attempt.carryOut()
                attempts.append(attempt.record)
                switch result {
                case .ended(let outcome): return (endedEarly() ?? outcome, attempts)
                case .failed(let error, let codeStarted):
                    metrics.attemptFailed(candidate.offer.provider, error.code)
                    logger.info(
                        "attempt failed",
                        metadata: ["run.id": "\(run.id)", "attempt": "\(attempt.record.number)", "error": "\(error)"])
                    if let ended = endedEarly() { return (ended, attempts) }
                    if let failure = final(error, codeStarted: codeStarted) { return (.failed(failure), attempts) }
                    failures.append(error)
                    if error.disposition == .sameOnceThenElsewhere, !isSecondTry {
                        isSecondTry = true
                        try? await Task.sleep(for: .milliseconds(Int.random(in: 20...120)))
                        continue
                    }
                }
                break
            }
        }
        if isUnpayable, let limit = run.request.constraints.maxCost {
            let reasons = failures.map(\.message).joined(separator: "; ")
            let detail = "what is left of \(limit) does not pay for another attempt, after: \(reasons)"
            return (.failed(RunFailure(.costLimit, detail)), attempts)
        }
        return (.failed(exhausted(failures)), attempts)
    }

    /// How long a sandbox on `offer` may live so that the whole run stays within its cap, of which `spent` is gone.
    ///
    /// - Returns: `nil` without a cap; zero or less if not even the shortest life is paid for.
    func affordableLife(on offer: Offer, after spent: Money) -> Duration? {
        guard let limit = run.request.constraints.maxCost else { return nil }
        let life = offer.price.longestDuration(of: offer.resources, within: limit - spent) ?? .zero
        return life - (providers[offer.provider]?.capabilities.teardownTime ?? .seconds(1))
    }

    private func isPayable(_ offer: Offer, after spent: Money) -> Bool {
        guard let life = affordableLife(on: offer, after: spent) else { return true }
        return life >= offer.startLatency + OfferRouter.leastUsefulLife
    }

    /// The outcome of a run that its caller or the gateway has ended.
    private func endedEarly() -> Outcome? {
        switch run.cancellation {
        case nil: nil
        case .gatewayStopped: .failed(RunFailure(.gatewayStopped, "the gateway was stopped"))
        default: .failed(RunFailure(.cancelled, "cancelled by the caller"))
        }
    }

    /// The failure that no other offer can mend; `nil` if the run may be tried elsewhere.
    private func final(_ error: ProviderError, codeStarted: Bool) -> RunFailure? {
        if error.outOfMemory { return RunFailure(.outOfMemory, "the code used more than its \(spec.memory) MiB of memory") }
        if let program = error.missingProgram { return RunFailure(.refused, "there is no program \"\(program)\" in this sandbox") }
        if codeStarted, !spec.idempotent { return RunFailure(.sandboxLost, error.message) }
        guard error.disposition == .giveUp, error.code != .interrupted else { return nil }
        return RunFailure(error.code == .invalid ? .refused : .sandboxLost, error.message)
    }

    private func exhausted(_ failures: [ProviderError]) -> RunFailure {
        let messages = failures.map(\.message)
        let kind: RunFailure.Kind = !failures.isEmpty && failures.allSatisfy { $0.code == .unsupported } ? .unsupported : .providersFailed
        return RunFailure(kind, messages.isEmpty ? "no offer was left" : messages.joined(separator: "; "))
    }

    // MARK: Settling

    /// Writes the final state and the charges, exactly once, and tells the readers.
    private func settle(_ outcome: Outcome, _ attempts: [AttemptRecord], _ recorder: OutputRecorder) async {
        var result = run.result
        let output = recorder.collected
        result.stdoutBytes = output.stdout.bytes
        result.stderrBytes = output.stderr.bytes
        result.truncated = output.stdout.isTruncated || output.stderr.isTruncated
        result.timeToFirstOutput = output.firstOutput
        result.cost = attempts.reduce(Money.zero) { $0 + $1.charge }
        result.isSettled = true
        switch outcome {
        case .exited(let status):
            result.state = .finished
            result.apply(status)
        case .failed(let failure, let status):
            result.state = failure.kind == .cancelled ? .cancelled : .failed
            result.failure = failure
            if let status { result.apply(status) }
        }
        let settled = await write(result, attempts)
        switch settled {
        case .success:
            metrics.settled(result)
            // First the result, then the event: whoever has seen the event finds the run settled.
            run.finish(.success(result))
            run.log.end(.settled(result))
        case .failure(let error):
            // The journal still has the run open: the next start settles it.
            run.log.cut()
            run.finish(.failure(EngineError(error)))
        }
    }

    private func write(_ result: RunResult, _ attempts: [AttemptRecord]) async -> Result<Void, StoreError> {
        for pause in [Duration.milliseconds(50), .milliseconds(200), .seconds(1), .seconds(3), nil] {
            do throws(StoreError) {
                if try await !store.settle(result, attempts: attempts) {
                    logger.error("run was settled before", metadata: ["run.id": "\(result.id)"])
                }
                return .success(())
            } catch {
                logger.error("run not settled", metadata: ["run.id": "\(result.id)", "error": "\(error)"])
                guard let pause else { return .failure(error) }
                try? await Task.sleep(for: pause)
            }
        }
        return .failure(StoreError(.unavailable, "the run could not be settled"))
    }
}

extension RunResult {
    fileprivate mutating func apply(_ status: ExitStatus) {
        switch status.outcome {
        case .code(let code): exitCode = code
        case .signal(let signal): self.signal = signal
        }
    }
}
