import Logging
import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Ends what a crash left open, and kills sandboxes that no live lease covers.
struct Reaper: Sendable {
    let providers: [any SandboxProvider]
    let store: any Store
    let metrics: EngineMetrics
    let logger: Logger
    /// Bytes of each output stream kept in a run's result.
    let outputLimit: Int
    /// Runs under way in this process: never to be touched.
    let isActive: @Sendable (RunID) -> Bool
    /// Goes on with the life of a sandbox whose process is gone; `false` if it is to be settled.
    let adopt: @Sendable (RunRecord) async throws(StoreError) -> Bool
    /// Hears what a provider has listed, and when it was asked.
    let sawList: @Sendable (ProviderID, Set<ProviderSandboxID>, ContinuousClock.Instant) -> Void

    // MARK: Recovery

    /// Settles the runs of processes that are gone: their sandboxes are killed, their lives billed, once.
    func recover() async {
        let runs: [RunRecord]
        do throws(StoreError) {
            runs = try await store.unsettledRuns()
        } catch {
            logger.error("recovery could not read the journal", metadata: ["error": "\(error)"])
            return
        }
        let lost = runs.filter { !isActive($0.result.id) && !ProcessIdentity(rawValue: $0.owner).isAlive }
        // Many at once: nobody is served before all are done, and ending one sandbox is mostly waiting.
        await withTaskGroup(of: Void.self) { group in
            for (index, run) in lost.enumerated() {
                if index >= Reaper.concurrentRecoveries { await group.next() }
                group.addTask { await self.recover(run) }
            }
        }
    }

    private static let concurrentRecoveries = 16

    private func recover(_ run: RunRecord) async {
        do throws(StoreError) {
            if run.kind == .sandbox, try await adopt(run) { return }
            try await settle(run)
        } catch {
            logger.error("run not recovered", metadata: ["run.id": "\(run.result.id)", "error": "\(error)"])
        }
    }

    private func settle(_ run: RunRecord) async throws(StoreError) {
        var attempts: [AttemptRecord] = []
        var left = run.request.constraints.maxCost
        for var attempt in try await store.attempts(of: run.result.id) {
            if attempt.endedAt == nil { await end(&attempt, atMost: left) }
            left = left.map { $0 - attempt.charge }
            attempts.append(attempt)
        }
        var result = run.result
        result.state = .failed
        result.failure = RunFailure(.gatewayStopped, "the gateway stopped while the run was on its way")
        result.cost = attempts.reduce(Money.zero) { $0 + $1.charge }
        result.isSettled = true
        if let used = attempts.last(where: { $0.createdAt != nil }) {
            result.provider = used.offer.provider
            result.sandbox = used.sandbox
        }
        let kept = try await KeptEvents(of: result.id, in: store, outputLimit: outputLimit)
        result.decision = kept.decision
        result.stdoutBytes = kept.stdout.bytes
        result.stderrBytes = kept.stderr.bytes
        result.truncated = kept.stdout.isTruncated || kept.stderr.isTruncated
        let last = RunEvent(sequence: kept.last + 1, time: Date(), body: .settled(result))
        guard try await store.settle(result, attempts: attempts, events: [last]) else { return }
        metrics.settled(result, run.kind)
        logger.notice("run settled after a crash", metadata: ["run.id": "\(result.id)", "cost": "\(result.cost)"])
    }

    /// Kills what an attempt left and bills its life until now, but never beyond the run's cap.
    private func end(_ attempt: inout AttemptRecord, atMost limit: Money?) async {
        attempt.failure = attempt.failure ?? "the gateway stopped"
        guard let provider = providers.first(where: { $0.id == attempt.offer.provider }) else { return }
        let hunt = OrphanHunt(attempt: attempt, provider: provider, gateway: store.gateway, logger: logger)
        switch await hunt.carryOut() {
        case .neverWas:
            attempt.endedAt = Date()
            // A sandbox that was there and is gone died at an unknown time; what it cost until the crash is unknown as well,
            // so it is billed until now, as a provider would that lost it just before.
            if let createdAt = attempt.createdAt { charge(&attempt, since: createdAt, atMost: limit) }
        case .killed(let id):
            attempt.providerSandbox = id
            attempt.endedAt = Date()
            charge(&attempt, since: attempt.createdAt ?? attempt.intendedAt, atMost: limit)
        case .unknown: break
        }
    }

    private func charge(_ attempt: inout AttemptRecord, since start: Date, atMost limit: Money?) {
        let life = Duration.milliseconds(Int64(max(0, min(Date(), attempt.leaseUntil).timeIntervalSince(start) * 1000)))
        let cost = attempt.offer.price.cost(of: attempt.offer.resources, for: life) ?? .zero
        attempt.charge = limit.map { max(.zero, min(cost, $0)) } ?? cost
    }

    // MARK: Reaping

    /// Kills every sandbox of this gateway that no open attempt's lease covers.
    func reap() async {
        let open: [AttemptRecord]
        do throws(StoreError) {
            open = try await store.openAttempts()
        } catch {
            logger.error("the reaper could not read the journal", metadata: ["error": "\(error)"])
            return
        }
        let leases = Dictionary(open.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        for provider in providers {
            do throws(ProviderError) {
                let asked = ContinuousClock.now
                let records = try await provider.sandboxes(taggedBy: store.gateway)
                sawList(provider.id, Set(records.map(\.id)), asked)
                for record in records where !isCovered(record, leases[record.tag.attempt]) {
                    try await provider.destroy(record.id)
                    metrics.reaped(provider.id)
                    logger.notice("sandbox reaped", metadata: ["provider.name": "\(provider.id)", "sandbox.id": "\(record.id)"])
                    await close(leases[record.tag.attempt])
                }
            } catch {
                logger.warning("reaping failed", metadata: ["provider.name": "\(provider.id)", "error": "\(error)"])
            }
        }
    }

    private func isCovered(_ record: SandboxRecord, _ attempt: AttemptRecord?) -> Bool {
        if isActive(record.tag.run) { return true }
        // A sandbox without an open attempt is left alone for a minute: its journal entry may be on its way in another process.
        guard let attempt else { return Date().timeIntervalSince(record.createdAt) < 60 }
        return attempt.leaseUntil > Date()
    }

    private func close(_ attempt: AttemptRecord?) async {
        guard var attempt else { return }
        attempt.endedAt = Date()
        do throws(StoreError) { try await store.save(attempt) } catch {
            // The next look finds no sandbox and the attempt's lease over.
            logger.warning("reaped attempt not journaled", metadata: ["attempt.id": "\(attempt.id)", "error": "\(error)"])
        }
    }
}
