#if os(Linux)
import SandstormCore
import Testing

@testable import LocalProvider

@Suite("What the local provider offers", .enabled(if: Machine.canRun, Machine.why))
struct OfferTests {
    @Test("a level that nothing gives is refused, never replaced")
    func isolation() async throws {
        try await Playground.run({ $0.runtimes[.strong] = "/nowhere/runsc" }) { playground in
            let provider = playground.provider
            #expect(provider.capabilities.isolation == [.standard])
            var spec = SandboxSpec(command: ["sh"])
            let offer = try #require(provider.offers(for: spec).first)
            #expect(offer.id == "local/standard")
            spec.isolation = .strong
            #expect(provider.offers(for: spec).isEmpty)
            #expect(await providerError { _ = try await provider.create(spec, on: offer, tag: playground.tag()) }?.code == .unsupported)
        }
    }

    @Test("one offer for each level that is strong enough", .enabled(if: Machine.isRoot && Machine.hasRunc, "needs root and runc"))
    func levels() async throws {
        try await Playground.run({ $0.runtimes[.strong] = "runc" }) { playground in
            var spec = SandboxSpec(command: ["sh"])
            #expect(playground.provider.offers(for: spec).map(\.isolation) == [.standard, .strong])
            spec.isolation = .strong
            #expect(playground.provider.offers(for: spec).map(\.id) == ["local/strong"])
        }
    }

    @Test("what can't be honoured is not offered")
    func refusals() async throws {
        try await Playground.run({ $0.allowsNetwork = false }) { playground in
            let provider = playground.provider
            func offers(_ change: (inout SandboxSpec) -> Void) -> [Offer] {
                var spec = SandboxSpec(command: ["sh"])
                change(&spec)
                return provider.offers(for: spec)
            }
            #expect(offers { _ in }.count == 1)
            #expect(offers { $0.network = .open }.isEmpty)
            #expect(offers { $0.network = .allow(["example.org"]) }.isEmpty)
            #expect(offers { $0.gpu = GPURequest(type: "H100") }.isEmpty)
            #expect(offers { $0.region = "eu" }.isEmpty)
            #expect(offers { $0.memory = 500_000 }.isEmpty)
            #expect(offers { $0.cpu = 64 }.isEmpty)
        }
    }

    @Test("what is declared works, and what is not is refused as unsupported")
    func declared() async throws {
        try await Playground.run { playground in
            let capabilities = playground.provider.capabilities
            #expect(
                capabilities.ports && capabilities.terminal && capabilities.watch
                    && (capabilities.users == (Machine.canRoot ? ["root"] : [])))
            #expect(capabilities.snapshot.isSubset(of: [.filesystem]))
            let sandbox = try await playground.sandbox()
            func outcome(_ body: () async throws -> Void) async -> ProviderError.Code? { await providerError(body)?.code }
            #expect(await outcome { _ = try await sandbox.usage() } == (capabilities.usage ? nil : .unsupported))
            #expect(await outcome { try await sandbox.pause() } == (capabilities.pause ? nil : .unsupported))
            #expect(await outcome { try await sandbox.resume() } == (capabilities.pause ? nil : .unsupported))
            #expect(await outcome { _ = try await sandbox.snapshot(.memory) } == .unsupported)
            #expect(await outcome { _ = try await playground.fork(sandbox) } == (capabilities.fork ? nil : .unsupported))
            let canSnapshot = capabilities.snapshot.contains(.filesystem)
            #expect(await outcome { _ = try await sandbox.snapshot(.filesystem) } == (canSnapshot ? nil : .unsupported))
            let unknown = ProviderSnapshot(id: "snapshot-unknown", kind: .filesystem)
            #expect(await outcome { _ = try await playground.sandbox(from: unknown) } == (canSnapshot ? .invalid : .unsupported))
            for user in ["user", "1000"] {
                let process = try await sandbox.start(Command(["id", "-u"], user: user))
                #expect(try await process.transcript().stdout == "1000\n")
            }
            #expect(await outcome { _ = try await sandbox.start(Command(["id"], user: "root")) } != nil)
        }
    }

    @Test("the price is the configured one")
    func price() async throws {
        let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 7))
        try await Playground.run({ $0.price = price }) { playground in
            #expect(playground.provider.offers(for: SandboxSpec(command: ["sh"])).map(\.price) == [price])
        }
    }

    @Test("the doctor speaks of every guarantee, with a remedy for each that is not kept")
    func diagnosis() async throws {
        try await Playground.run { playground in
            let guarantees = playground.provider.diagnose()
            let ids = Set(guarantees.map(\.id))
            #expect(ids.count == guarantees.count)
            for id in [
                "agent", "isolation.standard", "isolation.strong", "isolation.maximum", "namespaces.user", "seccomp", "network.none",
                "network.open", "user.own", "user.root", "limit.memory", "limit.cpu", "limit.pids", "limit.disk", "life.pause",
                "life.snapshots",
                "language.python", "language.shell",
            ] {
                #expect(ids.contains(id), "\(id)")
            }
            #expect(guarantees.allSatisfy { ($0.state == .ok) == ($0.remedy == nil) })
            let status = try await playground.provider.probe()
            #expect(status.isHealthy)
        }
    }

    @Test("without an agent nothing is on offer, and the doctor says what to do")
    func noAgent() async throws {
        try await Playground.run({ $0.agentPath = "/nowhere/agent" }) { playground in
            let provider = playground.provider
            #expect(provider.capabilities.isolation.isEmpty)
            #expect(provider.offers(for: SandboxSpec(command: ["sh"])).isEmpty)
            #expect(provider.diagnose().first?.remedy?.contains("build-agent.sh") == true)
            let status = try await provider.probe()
            #expect(!status.isHealthy)
        }
    }
}
#endif
