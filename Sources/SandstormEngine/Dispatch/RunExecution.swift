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
    let living: LivingSandbox?
    let providers: [ProviderID: any SandboxProvider]
    let store: any Store
    let configuration: EngineConfiguration
    let metrics: EngineMetrics
    let pools: WarmPools
    let desk: RoutingDesk
    let logger: Logger
    let recorder: OutputRecorder

    /// - Parameter living: with a run that is the life of a sandbox: that sandbox.
    init(
        _ run: ActiveRun, _ living: LivingSandbox?, providers: [ProviderID: any SandboxProvider], store: any Store,
        configuration: EngineConfiguration, metrics: EngineMetrics, pools: WarmPools, desk: RoutingDesk,
        logger: Logger
    ) {
        self.run = run
        self.living = living
        self.providers = providers
        self.store = store
        self.configuration = configuration
        self.metrics = metrics
        self.pools = pools
        self.desk = desk
        self.logger = logger
        recorder = OutputRecorder(run: run, limit: configuration.resultOutputLimit)
    }

    /// How a run ended.
    enum Outcome: Sendable {
        case exited(ExitStatus)
        /// The sandbox lived until somebody asked for its end.
        case over
        case failed(RunFailure, ExitStatus? = nil)
    }

    private var spec: SandboxSpec { run.request.spec }

    /// The sandbox may be one that has waited: it is to begin with nothing in it.
    var isPoolable: Bool {
        switch living?.origin {
        case nil, .new: true
        case .snapshot, .fork, .adopted: false
        }
    }

    /// The run's first attempt, whose intent is journaled with the run; `nil` for one that another process has begun.
    var firstAttempt: Attempt? {
        if case .adopted = living?.origin { return nil }
        return run.route.first.map { Attempt(place: $0, number: 1, spent: .zero, isJournaled: true, execution: self) }
    }

    /// Everything from the first attempt to the settled event. Ends by itself, and soon once the run is to end.
    ///
    /// - Parameter first: ``firstAttempt``, which was journaled.
    func carryOut(_ first: Attempt?) async {
        if let (outcome, attempts) = await ending(first) {
            await recorder.finish()
            await settle(outcome, attempts)
        } else {
            await handOver()
        }
    }

    /// How the run ended and what was tried; `nil` if it goes on in the next process.
    private func ending(_ first: Attempt?) async -> (Outcome, [AttemptRecord])? {
        guard let living, case .adopted(let sandbox, let record) = living.origin else {
            var dispatch = Dispatch(self)
            return await dispatch.carryOut(first).map { ($0, dispatch.attempts) }
        }
        return await carryOn(with: sandbox, record)
    }

    private func carryOn(with sandbox: any Sandbox, _ record: AttemptRecord) async -> (Outcome, [AttemptRecord])? {
        var attempts: [AttemptRecord]
        do throws(StoreError) {
            attempts = try await store.attempts(of: run.id).filter { $0.id != record.id }
        } catch {
            return nil
        }
        guard let provider = providers[record.offer.provider] else { return nil }
        let spent = attempts.reduce(Money.zero) { $0 + $1.charge }
        var attempt = Attempt(continuing: record, spent: spent, execution: self)
        let result = await attempt.carryOn(with: sandbox, provider)
        attempts.append(attempt.record)
        switch result {
        case .ended(let outcome): return (endedEarly() ?? outcome, attempts)
        case .failed(let error, _): return (endedEarly() ?? .failed(RunFailure(.sandboxLost, error.message)), attempts)
        case .left: return nil
        }
    }

    /// Lets go of the run, so that the next process takes it on.
    private func handOver() async {
        run.log.cut()
        await run.log.writeRest()
        do throws(StoreError) {
            _ = try await store.hand(run.id, from: ProcessIdentity.current.rawValue, to: ProcessIdentity.nobody.rawValue)
        } catch {
            // It still bears this process's name, which is as good once this process has ended.
            logger.warning("run not handed over", metadata: ["run.id": "\(run.id)", "error": "\(error)"])
        }
        run.finish(.failure(EngineError(.shuttingDown, "the gateway is stopping; the sandbox lives on")))
    }

    // MARK: Dispatch

    /// How long a sandbox on `offer` may live so that the whole run stays within its cap, of which `spent` is gone.
    ///
    /// - Returns: `nil` without a cap; zero or less if not even the shortest life is paid for.
    func affordableLife(on offer: Offer, after spent: Money) -> Duration? {
        guard let limit = run.request.constraints.maxCost else { return nil }
        let life = offer.price.longestDuration(of: offer.resources, within: limit - spent) ?? .zero
        return life - teardownTime(of: offer)
    }

    func teardownTime(of offer: Offer) -> Duration { providers[offer.provider]?.capabilities.teardownTime ?? .seconds(1) }

    /// What is left of the cap pays for another attempt there.
    func isPayable(_ offer: Offer, after spent: Money) -> Bool {
        guard let life = affordableLife(on: offer, after: spent) else { return true }
        return life >= offer.startLatency + Router.leastUsefulLife
    }

    /// The outcome of a run that its caller or the gateway has ended.
    func endedEarly() -> Outcome? {
        switch run.cancellation {
        case nil: nil
        case .gatewayStopped: .failed(RunFailure(.gatewayStopped, "the gateway was stopped"))
        default: .failed(RunFailure(.cancelled, "cancelled by the caller"))
        }
    }

    // MARK: Settling

    /// Writes the final state and the charges, exactly once, and tells the readers.
    private func settle(_ outcome: Outcome, _ attempts: [AttemptRecord]) async {
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
        case .over:
            result.state = .finished
        case .failed(let failure, let status):
            result.state = failure.kind == .cancelled ? .cancelled : .failed
            result.failure = failure
            if let status { result.apply(status) }
        }
        let (unwritten, last) = await run.waits.journaling { await run.log.close(with: .settled(result)) }
        var isLate = false
        var pauses = RunExecution.settlingPauses[...]
        while true {
            do throws(StoreError) {
                let isFirst = try await run.waits.journaling { () async throws(StoreError) in
                    try await store.settle(result, attempts: attempts, events: unwritten + [last])
                }
                if !isFirst {
                    logger.error("run was settled before", metadata: ["run.id": "\(result.id)"])
                }
                break
            } catch {
                logger.error("run not settled", metadata: ["run.id": "\(result.id)", "error": "\(error)"])
                if let pause = pauses.popFirst() {
                    try? await Task.sleep(for: pause)
                    continue
                }
                // Whoever waits is told. The journal still has the run open: it is settled as soon as the store can, or by the next
                // process.
                isLate = true
                run.log.cut()
                run.finish(.failure(EngineError(error)))
                guard await run.waitToSettle(until: .now + RunExecution.settlingPause) else { return }
            }
        }
        metrics.settled(result, run.record.kind, overhead: run.waits.overhead)
        // First the result, then the event: whoever has seen the event finds the run settled.
        run.finish(.success(result))
        // One that is late has no readers any more.
        if !isLate { run.log.end(last) }
    }

    /// Between the tries to settle a run whose caller waits.
    private static let settlingPauses = [Duration.milliseconds(50), .milliseconds(200), .seconds(1), .seconds(3)]
    /// Between those after the caller was told.
    private static let settlingPause = Duration.seconds(2)
}

extension RunResult {
    fileprivate mutating func apply(_ status: ExitStatus) {
        switch status.outcome {
        case .code(let code): exitCode = code
        case .signal(let signal): self.signal = signal
        }
    }
}
