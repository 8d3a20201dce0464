import Logging
import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Living sandboxes that outlive the process in whose care they were.
extension Engine {
    /// Goes on with the life of a sandbox whose process is gone, where its provider allows it.
    ///
    /// - Returns: `false` if it can't be gone on with, and is to be settled.
    func adopt(_ run: RunRecord) async throws(StoreError) -> Bool {
        let id = run.result.id
        guard let sandbox = try await store.sandbox(of: id), sandbox.info.state == .running || sandbox.info.state == .paused,
            let attempt = try await store.attempts(of: id).last(where: { $0.endedAt == nil && $0.createdAt != nil }),
            let name = attempt.providerSandbox,
            let provider = providers.first(where: { $0.id == attempt.offer.provider }), provider.capabilities.reattach
        else { return false }
        // A program that only runs code here for a while leaves to a gateway what is a gateway's, as long as its lease is good.
        guard configuration.adoptsSandboxes else { return sandbox.info.leaseUntil > Date() }
        // Of several processes that find it, one gets it.
        guard try await store.hand(id, from: run.owner, to: ProcessIdentity.current.rawValue) else { return true }
        guard let found = await attach(name, provider) else { return false }
        let kept = try await KeptEvents(of: id, in: store, outputLimit: 0)
        var record = run
        record.owner = ProcessIdentity.current.rawValue
        record.result.decision = kept.decision
        record.result.provider = provider.id
        record.result.sandbox = attempt.sandbox
        let candidate = Decision.Candidate(
            offer: attempt.offer, isKept: true, reason: "it was here", predictedCost: .zero, worstCost: .zero,
            predictedLatency: .zero, costDeadline: nil)
        let route = Route(fixed: candidate, objective: run.request.constraints.objective)
        let active = makeRun(record, route, after: kept.last)
        let living = LivingSandbox(
            sandbox, run: active, origin: .adopted(found, attempt), files: [], store: store, configuration, logger: logger)
        do throws(EngineError) {
            try register(active, living)
        } catch {
            // This process is stopping or has too much to do already: another one may take it on.
            return try await store.hand(id, from: record.owner, to: ProcessIdentity.nobody.rawValue)
        }
        logger.notice("sandbox taken over", metadata: ["sandbox.id": "\(living.id)", "provider.name": "\(provider.id)"])
        start(execution(of: active, living))
        return true
    }

    /// The sandbox, unless it is gone or its provider does not answer.
    private func attach(_ name: ProviderSandboxID, _ provider: any SandboxProvider) async -> (any Sandbox)? {
        let late = ProviderError(.timedOut, "no answer within \(configuration.operationTimeout.display)")
        for number in 0..<4 {
            do throws(ProviderError) {
                return try await within(configuration.operationTimeout, else: late) { () async throws(ProviderError) in
                    try await provider.attach(name)
                }
            } catch {
                logger.warning("sandbox not attached to", metadata: ["provider.name": "\(provider.id)", "error": "\(error)"])
                if error.code == .notFound || error.disposition != .sameOnceThenElsewhere { return nil }
                try? await Task.sleep(for: .milliseconds(50 << number))
            }
        }
        return nil
    }
}
