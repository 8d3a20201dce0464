import Logging
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Leases that end in a pause, and leases that stop") struct LeaseTests {
    private func sandbox(_ gateway: TestGateway, timeout: Duration = .seconds(300), _ end: LeaseEnd = .pause) async throws -> SandboxInfo {
        var request = SandboxRequest()
        request.spec.timeout = timeout
        request.onLeaseEnd = end
        return try await gateway.engine.createSandbox(request, by: .local).sandbox
    }

    @Test func `a sandbox is paused at the end of its lease and kept, until it is woken`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await sandbox(gateway, timeout: .seconds(1))
        #expect(made.onLeaseEnd == .pause && made.keptSince == nil)
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).keptSince != nil })
        let kept = try await gateway.engine.sandbox(made.id, for: .local)
        #expect(kept.state == .paused && provider.pausedCount == 1 && provider.killCount == 0)
        #expect(kept.leaseUntil.timeIntervalSinceNow > 29 * 24 * 3600)
        #expect(try await gateway.store.sandbox(made.id)?.info.keptSince == kept.keptSince)
        #expect(try #require(try await gateway.store.attempts(of: made.run).first).leaseUntil > kept.leaseUntil)
        let (woken, wasPaused) = try await gateway.engine.wake(made.id, for: .seconds(100), by: .local)
        #expect(wasPaused && woken.state == .running && woken.keptSince == nil)
        #expect(provider.pausedCount == 0)
        #expect(woken.leaseUntil.timeIntervalSinceNow < 101)
        // A place's own clock must not end it a moment before it is paused.
        #expect(try #require(provider.lease(of: made.id)) > woken.leaseUntil)
        await gateway.stop()
    }

    @Test func `a sandbox that can't be paused is ended with its lease`() async throws {
        let provider = ScriptedProvider(
            capabilities: ProviderCapabilities(maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024)))
        let gateway = try await TestGateway([provider])
        let made = try await sandbox(gateway, timeout: .seconds(1))
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).state == .ended })
        #expect(try await gateway.engine.sandbox(made.id, for: .local).failure?.kind == .timeout)
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a pause that fails is tried again before the sandbox is given up`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.failures[.pause] = [ProviderError(.unavailable, "busy")] }
        let gateway = try await TestGateway([provider])
        let made = try await sandbox(gateway, timeout: .seconds(1))
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).keptSince != nil })
        await gateway.stop()
    }

    @Test func `a kept sandbox is ended when it has been kept for as long as the operator wants`() async throws {
        var configuration = TestGateway.quick
        configuration.pausedRetention = .seconds(1)
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider], configuration: configuration)
        let made = try await sandbox(gateway)
        _ = try await gateway.engine.suspend(made.id, for: .local)
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).state == .ended })
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `suspending what is paused is a conflict, and a sandbox that runs is not shortened by waking it`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let made = try await sandbox(gateway, .kill)
        let suspended = try await gateway.engine.suspend(made.id, for: .local)
        #expect(suspended.state == .paused && suspended.keptSince != nil)
        let again = await #expect(throws: EngineError.self) { try await gateway.engine.suspend(made.id, for: .local) }
        #expect(again?.kind == .conflict)
        let woken = try await gateway.engine.wake(made.id, for: .seconds(1000), by: .local)
        #expect(woken.wasPaused)
        let same = try await gateway.engine.wake(made.id, for: .seconds(10), by: .local)
        #expect(!same.wasPaused && same.sandbox.leaseUntil == woken.sandbox.leaseUntil)
        let longer = try await gateway.engine.wake(made.id, for: .seconds(5000), by: .local)
        #expect(!longer.wasPaused && longer.sandbox.leaseUntil > woken.sandbox.leaseUntil)
        let renewed = try await gateway.engine.renew(made.id, for: .seconds(15), onlyLater: true, by: .local)
        #expect(renewed.leaseUntil == longer.sandbox.leaseUntil)
        await #expect(throws: EngineError.self) { try await gateway.engine.wake(made.id, for: .zero, by: .local) }
        await gateway.stop()
    }

    @Test func `the lease of a sandbox that was only frozen goes on`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await sandbox(gateway, .kill)
        let paused = try await gateway.engine.pause(made.id, for: .local)
        #expect(paused.keptSince == nil && paused.leaseUntil == made.leaseUntil)
        try await gateway.engine.expire(made.id, by: .local)
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).state == .ended })
        await gateway.stop()
    }

    @Test func `a lease that is ended at once ends in a pause as any other`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let made = try await sandbox(gateway)
        try await gateway.engine.expire(made.id, by: .local)
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).keptSince != nil })
        _ = try await gateway.engine.kill(made.id, for: .local)
        await #expect(throws: EngineError.self) { try await gateway.engine.expire(made.id, by: .local) }
        await gateway.stop()
    }

    @Test func `a kept sandbox outlives its gateway, and one whose lease ended meanwhile is paused by the next`() async throws {
        let provider = ScriptedProvider(reattach: true)
        let gateway = try await TestGateway([provider])
        let kept = try await sandbox(gateway)
        let since = try await gateway.engine.suspend(kept.id, for: .local).keptSince
        let late = try await sandbox(gateway, timeout: .seconds(1))
        await gateway.engine.shutDown()
        #expect(provider.livingCount == 2)
        #expect(await eventually { late.leaseUntil < Date() })
        let engine = Engine(
            providers: [provider], store: gateway.store, configuration: TestGateway.quick, logger: Logger(label: "next"))
        await engine.recover()
        #expect(try await eventually { try await engine.sandbox(late.id, for: .local).keptSince != nil })
        #expect(try await engine.sandbox(kept.id, for: .local).keptSince == since)
        #expect(provider.pausedCount == 2)
        #expect(try await engine.wake(kept.id, for: .seconds(60), by: .local).wasPaused)
        await engine.shutDown()
        await gateway.stop()
    }
}
