import Foundation
import Logging
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Recovery and reaping") struct RecoveryTests {
    static let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000_000))

    /// A journal as a process leaves it that is killed in the middle of a run.
    static func crash(_ store: any Store, _ provider: ScriptedProvider, phase: Phase, maxCost: Money? = nil) async throws -> RunID {
        let request = RunRequest.scripted(constraints: Constraints(maxCost: maxCost))
        let result = RunResult(id: .generate(), state: .routed, createdAt: Date())
        let record = RunRecord(
            result: result, tenant: Principal.local.tenant, project: Principal.local.project, key: nil, request: request,
            fingerprint: [1], owner: "999999999:1")
        guard case .accepted = try await store.accept(record) else { throw CancellationError() }
        if phase == .journaled { return result.id }
        let offer = try #require(provider.offers(for: request.spec).first)
        var attempt = AttemptRecord(
            id: .generate(), run: result.id, number: 1, sandbox: .generate(), offer: offer, intendedAt: Date(),
            leaseUntil: Date().addingTimeInterval(600))
        try await store.save(attempt)
        if phase == .intended { return result.id }
        let tag = SandboxTag(gateway: store.gateway, run: result.id, attempt: attempt.id, sandbox: attempt.sandbox)
        let sandbox = try await provider.create(request.spec, on: offer, tag: tag)
        if phase == .created { return result.id }
        attempt.providerSandbox = sandbox.id
        attempt.createdAt = Date().addingTimeInterval(-10)
        attempt.startedAt = attempt.createdAt
        try await store.save(attempt)
        try await store.setState(.running, of: result.id)
        try await store.append([RunEvent(sequence: 3, time: Date(), body: .stdout(Array("before\n".utf8)))], to: result.id)
        return result.id
    }

    enum Phase: CaseIterable { case journaled, intended, created, running }

    @Test("a run whose process died is settled once and its sandbox killed", arguments: Phase.allCases)
    func recovers(phase: Phase) async throws {
        let provider = ScriptedProvider(price: Self.price)
        let gateway = try await TestGateway([provider])
        let id = try await Self.crash(gateway.store, provider, phase: phase)
        await gateway.engine.recover()
        let result = try await gateway.engine.run(id, for: .local)
        #expect(result.isSettled)
        #expect(result.state == .failed)
        #expect(result.failure?.kind == .gatewayStopped)
        #expect(provider.livingCount == 0)
        if phase == .running {
            #expect(result.cost >= "$0.01")
            #expect(result.stdout == "before\n")
        } else {
            #expect(result.cost < "$0.01")
        }
        let cost = result.cost
        await gateway.engine.recover()
        #expect(try await gateway.engine.run(id, for: .local).cost == cost)
        #expect(try await gateway.store.unsettledRuns().isEmpty)
        var last: RunEvent?
        for try await event in try await gateway.engine.events(of: id, after: 0, following: true, for: .local) { last = event }
        #expect(last?.name == "settled")
        await gateway.stop()
    }

    @Test func `recovery never bills beyond the cap`() async throws {
        let provider = ScriptedProvider(price: Self.price)
        let gateway = try await TestGateway([provider])
        let id = try await Self.crash(gateway.store, provider, phase: .running, maxCost: "$0.002")
        await gateway.engine.recover()
        #expect(try await gateway.engine.run(id, for: .local).cost == "$0.002")
        await gateway.stop()
    }

    @Test func `a run of a living process is left alone`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.seconds(3600))])
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        #expect(await eventually { provider.commands.count == 1 })
        // Another engine on the same store, as two commands on one data directory are.
        let other = Engine(providers: [provider], store: gateway.store, logger: Logger(label: "other"))
        await other.recover()
        #expect(try await gateway.engine.run(handle.id, for: .local).isSettled == false)
        #expect(provider.livingCount == 1)
        await gateway.stop()
    }

    @Test func `a sandbox whose kill failed for good is reaped later`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.killFailures = Array(repeating: ProviderError(.unavailable, "503"), count: 2) }
        var configuration = TestGateway.quick
        configuration.killAttempts = 2
        configuration.reapInterval = .milliseconds(20)
        configuration.leaseMargin = .seconds(-39)
        let gateway = try await TestGateway([provider], configuration: configuration)
        let result = try await gateway.run(.scripted(timeout: .seconds(30)))
        #expect(result.isSettled)
        #expect(provider.livingCount == 1)
        let service = Task { try await gateway.engine.run() }
        #expect(await eventually { provider.livingCount == 0 })
        #expect(try await eventually { try await gateway.store.openAttempts().isEmpty })
        service.cancel()
        try await service.value
        await gateway.stop()
    }
}
