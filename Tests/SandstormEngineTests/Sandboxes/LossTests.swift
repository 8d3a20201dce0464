import NIOCore
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Sandboxes that are lost") struct LossTests {
    @Test func `a start in a sandbox that is gone ends it as lost`() async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"))
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        provider.loseAll()
        let error = await #expect(throws: EngineError.self) {
            try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
        }
        #expect(error?.kind == .sandboxEnded)
        #expect(try await eventually { try await gateway.engine.sandbox(id, for: .local).state == .ended })
        let ended = try await gateway.engine.sandbox(id, for: .local)
        #expect(ended.failure?.kind == .sandboxLost)
        #expect(ended.cost == "$0.5")
        await gateway.stop()
    }

    @Test func `a file of a sandbox that is gone ends it as lost, a missing file does not`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let files = try await gateway.engine.files(of: id, for: .local)
        let missing = await #expect(throws: ProviderError.self) { try await files.read("nope", upTo: 10) }
        #expect(missing.map { EngineError($0).kind } == .fileNotFound)
        #expect(try await gateway.engine.sandbox(id, for: .local).state == .running)
        provider.loseAll()
        await #expect(throws: ProviderError.self) { try await files.read("nope", upTo: 10) }
        #expect(try await eventually { try await gateway.engine.sandbox(id, for: .local).failure?.kind == .sandboxLost })
        await gateway.stop()
    }

    @Test func `a sandbox that vanishes under its process takes the process with it`() async throws {
        let provider = ScriptedProvider(script: [.output("a"), .vanish])
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let events = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).events.all()
        guard case .failed(let failure)? = events.last?.body else {
            Issue.record("the process did not fail")
            return
        }
        #expect(failure.kind == .sandboxLost)
        #expect(try await eventually { try await gateway.engine.sandbox(id, for: .local).failure?.kind == .sandboxLost })
        await gateway.stop()
    }

    @Test func `a process that breaks off leaves a sandbox that is well alone`() async throws {
        let provider = ScriptedProvider(script: [.die])
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let events = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local).events.all()
        #expect(events.last?.name == "failed")
        #expect(try await gateway.engine.sandbox(id, for: .local).state == .running)
        await gateway.stop()
    }

    @Test func `a sandbox that its provider does not list twice is ended, once is nothing`() async throws {
        let provider = ScriptedProvider()
        var configuration = TestGateway.quick
        configuration.reapInterval = .milliseconds(20)
        let gateway = try await TestGateway([provider], configuration: configuration)
        let id = try await gateway.sandbox().id
        let service = Task { try await gateway.engine.run() }
        #expect(await !eventually(within: .milliseconds(200)) { provider.livingCount == 0 })
        provider.behave { $0.listFailures = Array(repeating: ProviderError(.unavailable, "503"), count: 5) }
        #expect(await eventually { provider.hasNoListFailures })
        #expect(try await gateway.engine.sandbox(id, for: .local).state == .running)
        provider.behave { $0.listsNothing = true }
        #expect(try await eventually { try await gateway.engine.sandbox(id, for: .local).failure?.kind == .sandboxLost })
        service.cancel()
        try await service.value
        await gateway.stop()
    }
}
