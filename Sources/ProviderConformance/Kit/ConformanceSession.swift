import SandstormCore
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What all cases of one suite share: the provider, sandboxes to borrow, and the gateway that they are tagged with.
final class ConformanceSession: Sendable {
    let gateway = GatewayID.generate()
    let permits: Permits
    private let factory: ProviderConformance.Factory
    private let budget: ConformanceBudget
    private let spec: SandboxSpec
    /// The run of the sandboxes that are lent.
    private let run = RunID.generate()

    private struct State {
        var provider: Task<any SandboxProvider, any Error>?
        var isSharing = false
        var idle: [any Sandbox] = []
    }
    private let state = Locked(State())

    init(factory: @escaping ProviderConformance.Factory, budget: ConformanceBudget, spec: SandboxSpec) {
        self.factory = factory
        self.budget = budget
        self.spec = spec
        permits = Permits(budget.parallelism)
    }

    /// The one provider of the suite, made when it is first asked for.
    func provider() async throws -> any SandboxProvider {
        let making = state.withLock { state in
            let making = state.provider ?? Task { [factory] in try await factory() }
            state.provider = making
            return making
        }
        return try await making.value
    }

    func share(_ isSharing: Bool) { state.withLock { $0.isSharing = isSharing } }

    /// A sandbox that one case may use for itself and must leave as good as it was.
    func borrow(for run: RunID) async throws -> (sandbox: any Sandbox, isShared: Bool) {
        while let idle = state.withLock({ $0.idle.popLast() }) {
            // A place with a clock of its own may have ended it meanwhile: then another serves as well.
            do {
                try await idle.extend(to: Date(timeIntervalSinceNow: 2 * Double(budget.perCase.components.seconds) + 60))
                return (idle, true)
            } catch {
                try? await idle.kill()
            }
        }
        let isSharing = state.withLock(\.isSharing)
        let provider = try await provider()
        guard let offer = provider.offers(for: spec).first else {
            throw ConformanceFailure("no offer for the suite's own spec: \(provider.refusal(of: spec) ?? "no reason given")")
        }
        let tag = SandboxTag(gateway: gateway, run: isSharing ? self.run : run, attempt: .generate(), sandbox: .generate())
        return (try await provider.create(spec, on: offer, tag: tag), isSharing)
    }

    /// Takes a lent sandbox back.
    func giveBack(_ sandbox: any Sandbox) async {
        let isKept = state.withLock { state in
            if state.isSharing { state.idle.append(sandbox) }
            return state.isSharing
        }
        if !isKept { try? await sandbox.kill() }
    }

    /// Kills what was lent, and looks for what is left at the provider.
    func finish() async -> [ConformanceFailure] {
        let (idle, provider) = state.withLock { state in
            defer { (state.idle, state.isSharing) = ([], false) }
            return (state.idle, state.provider)
        }
        guard let provider = try? await provider?.value else { return [] }
        var failures: [ConformanceFailure] = []
        for sandbox in idle {
            do {
                try await sandbox.kill()
            } catch {
                failures.append(ConformanceFailure("a sandbox could not be killed after the last case: \(describe(error))"))
            }
        }
        return failures + (await remainders(at: provider) { _ in true })
    }

    /// What is listed of `gateway` although it was killed; it is destroyed, so that nobody goes on paying.
    func remainders(
        at provider: any SandboxProvider, where isMeant: @escaping @Sendable (SandboxRecord) -> Bool
    ) async -> [ConformanceFailure] {
        let gateway = gateway
        do {
            let rest = Locked<[SandboxRecord]>([])
            _ = try await comesToHold(within: budget.settling) {
                let records = try await provider.sandboxes(taggedBy: gateway).filter(isMeant)
                rest.withLock { $0 = records }
                return records.isEmpty
            }
            let records = rest.withLock(\.self)
            for record in records { try? await provider.destroy(record.id) }
            return records.map { ConformanceFailure("sandbox \($0.id) was left at the provider") }
        } catch {
            return [ConformanceFailure("the provider's sandboxes could not be listed afterwards: \(describe(error))")]
        }
    }
}

/// Lets a bounded number of cases run at once, first come, first served.
actor Permits {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = max(1, count) }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func give() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// An error as far as a report can show it.
func describe(_ error: any Error) -> String {
    if let error = error as? ProviderError { return error.debugDescription }
    return String(describing: error)
}
