import SandstormCore
import SandstormEngine

/// Looks now and then at what this dialect's sandboxes use, so that their users can see how it went.
struct UsageSampler: Sendable {
    static let interval = Duration.seconds(5)
    private static let concurrency = 16

    let engine: Engine
    let history: UsageHistory

    /// Samples until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            await sampleAll()
            try? await Task.sleep(for: UsageSampler.interval)
        }
    }

    private func sampleAll() async {
        let sandboxes = engine.runningSandboxes(withAttribute: E2BNote.key)
        await withDiscardingTaskGroup { group in
            let next = Locked(sandboxes[...])
            for _ in 0..<UsageSampler.concurrency {
                group.addTask {
                    while !Task.isCancelled, let sandbox = next.withLock({ $0.popFirst() }) { try? await sample(sandbox) }
                }
            }
        }
    }

    /// Samples one sandbox.
    func sample(_ sandbox: SandboxInfo, isAsked: Bool = false) async throws(EngineError) {
        guard engine.capabilities(of: sandbox.provider)?.usage == true else { return }
        let usage = try await engine.usage(of: sandbox.id, for: try await engine.holder(of: sandbox.id))
        history.add(usage, of: sandbox, isAsked: isAsked)
    }
}
