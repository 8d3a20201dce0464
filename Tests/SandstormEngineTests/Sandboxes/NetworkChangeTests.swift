import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("The network of a living sandbox") struct NetworkChangeTests {
    @Test func `a change is made at the provider, kept, and inherited by forks`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        var request = SandboxRequest()
        request.spec.network = .open
        let made = try await gateway.engine.createSandbox(request, by: .local).sandbox
        let policy = NetworkPolicy.deny(["203.0.113.0/24"], allow: ["203.0.113.7"])
        let changed = try await gateway.engine.setNetwork(policy, of: made.id, for: .local)
        #expect(changed.spec.network == policy)
        #expect(provider.networks == [policy])
        #expect(try await gateway.store.sandbox(made.id)?.info.spec.network == policy)
        #expect(try await gateway.engine.fork(made.id, timeout: nil, metadata: nil, for: .local).spec.network == policy)
        await gateway.stop()
    }

    @Test func `what fails changes nothing that is shown`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
        provider.behave { $0.failures[.setNetwork] = [.unsupported("change of the network")] }
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.setNetwork(.open, of: made.id, for: .local) }
        #expect(error?.kind == .unsupported)
        #expect(try await gateway.engine.sandbox(made.id, for: .local).spec.network == .none)
        let stranger = Principal(tenant: .generate(), project: .generate())
        let hidden = await #expect(throws: EngineError.self) { try await gateway.engine.setNetwork(.open, of: made.id, for: stranger) }
        #expect(hidden?.kind == .notFound)
        await gateway.stop()
    }

    @Test func `a place that can't is not asked`() async throws {
        let capabilities = ProviderCapabilities(maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024), openNetwork: true)
        let provider = ScriptedProvider(capabilities: capabilities)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.setNetwork(.open, of: made.id, for: .local) }
        #expect(error?.kind == .unsupported)
        #expect(provider.networks.isEmpty)
        await gateway.stop()
    }
}
