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

@Suite("Sandboxes that outlive their gateway") struct AdoptionTests {
    static let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000_000))

    /// Another engine over the same store, as the next process has it.
    private func next(_ gateway: TestGateway, _ providers: [any SandboxProvider], adopts: Bool = true) -> Engine {
        var configuration = TestGateway.quick
        configuration.adoptsSandboxes = adopts
        return Engine(providers: providers, store: gateway.store, configuration: configuration, logger: Logger(label: "next"))
    }

    /// Leaves the sandbox as a process does that is killed.
    private func crash(_ gateway: TestGateway, _ sandbox: SandboxInfo) async throws {
        await gateway.engine.shutDown()
        #expect(try await gateway.store.hand(sandbox.run, from: "", to: "999999999:1"))
    }

    @Test func `a gateway that stops leaves its sandboxes to the next, which bills them once`() async throws {
        let provider = ScriptedProvider(price: Self.price, reattach: true, script: [.sleep(.seconds(3600))])
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        let process = try await gateway.engine.startProcess(ProcessRequest(Command(["a"]), detached: true), in: made.id, for: .local)
        await gateway.engine.shutDown()
        #expect(provider.livingCount == 1 && provider.killCount == 0)
        #expect(try await process.events.all().last?.name == "failed")
        let engine = next(gateway, [provider])
        let early = await #expect(throws: EngineError.self) { try await engine.pause(made.id, for: .local) }
        #expect(early?.kind == .conflict)
        await engine.recover()
        #expect(provider.attachCount == 1)
        #expect(try await eventually { (try? await engine.usage(of: made.id, for: .local)) != nil })
        let taken = try await engine.sandbox(made.id, for: .local)
        #expect(taken.state == .running && taken.cost >= made.cost)
        #expect(abs(taken.leaseUntil.timeIntervalSince(made.leaseUntil)) < 0.01)
        // Processes of before are not known any more; new ones can be started.
        #expect(try await engine.processes(in: made.id, for: .local).isEmpty)
        _ = try await engine.startProcess(ProcessRequest(Command(["b"])), in: made.id, for: .local)
        let ended = try await engine.kill(made.id, for: .local)
        #expect(ended.cost > made.cost)
        #expect(provider.livingCount == 0)
        #expect(try await gateway.store.attempts(of: made.run).map(\.charge) == [ended.cost])
        let run = try await engine.run(made.run, for: .local)
        #expect(run.isSettled && run.decision?.ranking.count == 1)
        var names: [String] = []
        for try await event in try await engine.events(of: made.run, after: 0, following: true, for: .local) { names.append(event.name) }
        #expect(names == ["accepted", "decision", "started", "settled"])
        await engine.shutDown()
        await gateway.stop()
    }

    @Test func `of many that find a crashed gateway's sandbox one gets it`() async throws {
        let provider = ScriptedProvider(reattach: true)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        _ = try await gateway.engine.pause(made.id, for: .local)
        try await crash(gateway, made)
        let engines = (0..<4).map { _ in next(gateway, [provider]) }
        await withTaskGroup(of: Void.self) { group in
            for engine in engines { group.addTask { await engine.recover() } }
        }
        @Sendable func owners() async -> Int {
            var owners = 0
            for engine in engines where (try? await engine.resume(made.id, for: .local).state) == .running { owners += 1 }
            return owners
        }
        #expect(await eventually { await owners() > 0 })
        #expect(await owners() == 1)
        #expect(provider.attachCount == 1 && provider.livingCount == 1)
        for engine in engines { await engine.shutDown() }
        await gateway.stop()
    }

    @Test("a sandbox that can't be taken over is ended, billed once and killed", arguments: [false, true])
    func settled(isGone: Bool) async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"), reattach: true)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        try await crash(gateway, made)
        if isGone { provider.loseAll() } else { provider.behave { $0.failures[.attach] = [ProviderError(.notFound, "not yours")] } }
        for _ in 0..<2 {
            let engine = next(gateway, [provider])
            await engine.recover()
            let ended = try await engine.sandbox(made.id, for: .local)
            #expect(ended.state == .ended && ended.failure?.kind == .gatewayStopped && ended.cost == "$0.5")
            await engine.shutDown()
        }
        #expect(provider.livingCount == 0)
        #expect(try await gateway.store.attempts(of: made.run).map(\.charge) == ["$0.5"])
        await gateway.stop()
    }

    @Test func `a sandbox that would not outlive its gateway is ended with it`() async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"))
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        await gateway.engine.shutDown()
        #expect(provider.livingCount == 0)
        let ended = try await gateway.engine.sandbox(made.id, for: .local)
        #expect(ended.failure?.kind == .gatewayStopped && ended.cost == "$0.5")
        await #expect(throws: EngineError.self) { try await gateway.sandbox() }
        await gateway.stop()
    }

    @Test func `a lease that ended while nobody was there ends the sandbox at once`() async throws {
        let provider = ScriptedProvider(reattach: true)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        try await crash(gateway, made)
        #expect(try await gateway.store.renew(made.id, until: Date().addingTimeInterval(-1), attemptUntil: made.leaseUntil))
        let engine = next(gateway, [provider])
        await engine.recover()
        #expect(try await eventually { try await engine.sandbox(made.id, for: .local).failure?.kind == .timeout })
        #expect(provider.livingCount == 0)
        await engine.shutDown()
        await gateway.stop()
    }

    @Test func `a program that only embeds the engine leaves a gateway's sandboxes alone, and takes its own along`() async throws {
        let provider = ScriptedProvider(reattach: true)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        await gateway.engine.shutDown()
        let engine = next(gateway, [provider], adopts: false)
        await engine.recover()
        let own = try await engine.createSandbox(SandboxRequest(), by: .local).sandbox
        #expect(provider.livingCount == 2)
        await engine.shutDown()
        #expect(provider.livingRecords.map(\.tag.sandbox) == [made.id])
        #expect(try await engine.sandbox(own.id, for: .local).failure?.kind == .gatewayStopped)
        let last = next(gateway, [provider])
        await last.recover()
        #expect(try await last.kill(made.id, for: .local).state == .ended)
        await last.shutDown()
        await gateway.stop()
    }
}
