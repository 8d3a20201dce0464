import SandstormCore
import SandstormEngine
import SandstormStore

/// The builds under way in this process.
final class TemplateBuilds: Sendable {
    /// Builds of one tenant at a time.
    static let maximumPerTenant = 20
    /// Builds at a time altogether; more wait for their turn.
    private static let concurrency = 8

    private let engine: Engine
    private let jobs: AsyncStream<TemplateBuilder>
    private let queue: AsyncStream<TemplateBuilder>.Continuation

    init(engine: Engine) {
        self.engine = engine
        (jobs, queue) = AsyncStream.makeStream()
    }

    /// Takes on a build that was begun.
    func add(_ builder: TemplateBuilder) { queue.yield(builder) }

    /// Ends what an earlier process has left, then carries builds out until the task is cancelled.
    func run() async {
        await recover()
        await withTaskGroup(of: Void.self) { group in
            var count = 0
            for await job in jobs {
                if count >= TemplateBuilds.concurrency {
                    await group.next()
                    count -= 1
                }
                count += 1
                group.addTask { await self.carryOut(job) }
            }
            group.cancelAll()
        }
    }

    private func recover() async {
        for var build in (try? await engine.templates.unfinishedBuilds()) ?? [] {
            build.state = .failed
            build.failure = "the gateway was stopped during the build"
            build.finishedAt = build.updatedAt
            _ = try? await engine.templates.finish(build)
        }
    }

    private func carryOut(_ job: TemplateBuilder) async {
        let ended = await job.carryOut()
        for attempt in 0..<5 {
            if (try? await engine.templates.finish(ended)) != nil { return }
            try? await Task.sleep(for: .milliseconds(100 << attempt))
        }
    }
}
