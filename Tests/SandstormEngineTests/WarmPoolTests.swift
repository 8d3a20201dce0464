import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Warm pools") struct WarmPoolTests {
    /// Gives `body` a gateway whose pools are full and kept so, and stops it afterwards.
    private func withPool(
        _ provider: ScriptedProvider, count: Int = 1, life: Duration = .seconds(3600), spec: SandboxSpec = SandboxSpec(),
        _ body: (TestGateway) async throws -> Void
    ) async throws {
        var configuration = TestGateway.quick
        configuration.reapInterval = .milliseconds(20)
        configuration.warmPools = [WarmPool(spec: spec, count: count, life: life)]
        let gateway = try await TestGateway([provider], configuration: configuration)
        let service = Task { try await gateway.engine.run() }
        #expect(await eventually { gateway.isReady(count) })
        try await body(gateway)
        service.cancel()
        try await service.value
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a run takes the sandbox that waits, is billed from then on, and the next one is made`() async throws {
        let provider = ScriptedProvider(
            price: PriceSchedule(perVCPUSecond: Rate(picodollars: 100_000_000_000)), script: [.output("hi"), .exit(0)])
        try await withPool(provider) { gateway in
            let waiting = try #require(provider.livingRecords.first)
            provider.behave { $0.createFailures = [ProviderError(.noCapacity, "too late")] }
            try await Task.sleep(for: .seconds(1))
            let result = try await gateway.run(.scripted())
            #expect(result.state == .finished && result.stdout == "hi")
            let attempts = try await gateway.store.attempts(of: result.id)
            #expect(attempts.map(\.id) == [waiting.tag.attempt])
            #expect(attempts.first?.providerSandbox == waiting.id)
            #expect(attempts.first.map { $0.intendedAt > waiting.createdAt.addingTimeInterval(0.9) } == true)
            // The second that it waited is the gateway's own expense.
            #expect(gateway.metric("sandstorm_pool_idle_nanodollars_total") >= 90_000_000)
            #expect(gateway.metric("sandstorm_pool_requests_total{ready=\"true\"}") == 1)
            #expect(await eventually { gateway.isReady(1) })
            #expect(provider.createCount == 3)
        }
    }

    @Test func `a living sandbox takes one too, with its files and for its lease`() async throws {
        let provider = ScriptedProvider(script: [.cat])
        try await withPool(provider) { gateway in
            let waiting = try #require(provider.livingRecords.first)
            var request = SandboxRequest()
            request.spec.files = [SpecFile(path: "a", content: [1])]
            request.spec.environment = ["A": "b"]
            request.spec.timeout = .seconds(7200)
            let made = try await gateway.engine.createSandbox(request, by: .local).sandbox
            #expect(try await gateway.store.sandbox(made.id)?.providerSandbox == waiting.id)
            #expect(provider.files["/workspace/a"] == [1])
            let lease = try #require(provider.lease(of: waiting.tag.sandbox))
            #expect(lease.timeIntervalSinceNow > 7000)
            // Later renewals, and its end, are like any other's.
            _ = try await gateway.engine.renew(made.id, for: .seconds(60), by: .local)
            #expect(try await gateway.engine.kill(made.id, for: .local).state == .ended)
            #expect(!provider.livingRecords.map(\.id).contains(waiting.id))
        }
    }

    @Test func `one that was taken is covered from the reaper until it is gone, whatever of the journal that has read`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.seconds(3600))])
        provider.behave { $0.age = .seconds(600) }
        try await withPool(provider) { gateway in
            let waiting = try #require(provider.livingRecords.first)
            let id = try await gateway.engine.submit(.scripted(detached: true), by: .local).id
            #expect(await eventually { provider.commands.count == 1 })
            #expect(gateway.engine.pools.covers(waiting.tag.run))
            #expect(try await gateway.engine.cancel(id, for: .local).isSettled)
            #expect(await eventually { !gateway.engine.pools.covers(waiting.tag.run) })
        }
    }

    @Test func `what does not fit is made anew`() async throws {
        let provider = ScriptedProvider()
        try await withPool(provider) { gateway in
            let waiting = provider.livingRecords.map(\.id)
            var bigger = RunRequest.scripted()
            bigger.spec.memory = 2048
            var online = RunRequest.scripted()
            online.spec.network = .open
            let states = [try await gateway.run(bigger).state, try await gateway.run(online).state]
            #expect(states == [.finished, .finished])
            #expect(provider.livingRecords.map(\.id) == waiting)
            #expect(provider.createCount == 3)
        }
    }

    @Test func `a copy is never made of one that waits`() async throws {
        let provider = ScriptedProvider()
        try await withPool(provider) { gateway in
            let made = try await gateway.sandbox()
            #expect(await eventually { gateway.isReady(1) })
            let waiting = try #require(provider.livingRecords.last)
            let fork = try await gateway.engine.fork(made.id, timeout: nil, metadata: nil, for: .local)
            #expect(try await gateway.store.sandbox(fork.id)?.providerSandbox != waiting.id)
            for id in [made.id, fork.id] { _ = try await gateway.engine.kill(id, for: .local) }
        }
    }

    @Test func `a sandbox that died while it waited costs nobody anything, and the run goes on`() async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"))
        try await withPool(provider) { gateway in
            // Too quick for the reaper to see it, or not: either way the run must not.
            provider.loseAll()
            let result = try await gateway.run(.scripted())
            #expect(result.state == .finished)
            #expect(result.cost == "$0.5")
        }
    }

    @Test func `one that its provider does not know any more is replaced`() async throws {
        let provider = ScriptedProvider()
        try await withPool(provider, count: 2) { gateway in
            #expect(provider.loseAll() == 2)
            #expect(await eventually { provider.livingCount == 2 && gateway.isReady(2) })
        }
    }

    @Test func `one that has waited for nearly its life is replaced`() async throws {
        let provider = ScriptedProvider()
        try await withPool(provider, life: .milliseconds(500)) { gateway in
            // Nothing else makes or ends any here.
            #expect(await eventually { provider.killCount >= 1 && provider.createCount >= 2 && gateway.isReady(1) })
        }
    }

    @Test func `the reaper leaves alone what waits here, and ends what a crash left`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.age = .seconds(600) }
        try await withPool(provider) { gateway in
            let waiting = provider.livingRecords.map(\.id)
            // As an earlier process left it: tagged, and of no attempt.
            let spec = SandboxSpec()
            let tag = SandboxTag(gateway: gateway.store.gateway, run: .generate(), attempt: .generate(), sandbox: .generate())
            let left = try await provider.create(spec, on: try #require(provider.offers(for: spec).first), tag: tag)
            #expect(await eventually { !provider.livingRecords.map(\.id).contains(left.id) })
            #expect(provider.livingRecords.map(\.id) == waiting)
        }
    }

    @Test func `a provider that makes none is asked again, ever more rarely`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createFailures = [ProviderError(.noCapacity, "full")] }
        try await withPool(provider) { _ in #expect(provider.createCount == 2) }
    }
}

extension TestGateway {
    /// The value of one line of the metrics.
    func metric(_ name: String) -> Int {
        let lines = engine.metrics.prometheusText().split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.count + 1)) } ?? -1
    }

    fileprivate func isReady(_ count: Int) -> Bool { metric("sandstorm_pool_ready") == count }
}
