import SandstormCore
import SandstormRouting
import SandstormStore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("What routing learns") struct LearningTests {
    @Test func `outlives the gateway`() async throws {
        let directory = try TemporaryDirectory()
        let provider = ScriptedProvider(startLatency: .seconds(50))
        let first = try await TestGateway([provider], directory: directory)
        for _ in 0..<20 { _ = try await first.run(.scripted()) }
        let learned = try #require(try await first.engine.decide(.scripted(), by: .local).ranking.first?.judgedLatency)
        // It says 50 s, and takes next to nothing.
        #expect(learned < .seconds(25))
        await first.stop()
        let second = try await TestGateway([provider], directory: directory)
        let restored = try #require(try await second.engine.decide(.scripted(), by: .local).ranking.first?.judgedLatency)
        #expect(restored < .seconds(25))
        await second.stop()
        let third = try await TestGateway([provider])
        let fresh = try #require(try await third.engine.decide(.scripted(), by: .local).ranking.first?.judgedLatency)
        #expect(fresh >= .seconds(25))
        await third.stop()
    }

    @Test("what can't be read is learned anew", arguments: [[], [1, 2, 3], Array("{\"version\":999999}".utf8)] as [[UInt8]])
    func unreadable(kept: [UInt8]) async throws {
        let directory = try TemporaryDirectory()
        let before = try await SQLiteStore.open(directory: directory.path, exclusive: true)
        try await before.keep(routingState: kept, at: .now)
        await before.close()
        let gateway = try await TestGateway([ScriptedProvider()], directory: directory)
        #expect(try await gateway.run(.scripted()).state == .finished)
        await gateway.stop()
        let after = try await SQLiteStore.open(directory: directory.path, exclusive: true)
        let state = try #require(try await after.routingState())
        #expect(Router(restoring: state) != nil)
        await after.close()
    }

    @Test func `a place whose breaker opened is asked after, and used again once it is well`() async throws {
        let unwell = ScriptedProvider(id: "unwell")
        unwell.behave { $0.refusal = ProviderError(.unavailable, "503") }
        let dear = ScriptedProvider(id: "dear", price: PriceSchedule(perCreate: "$1"))
        let gateway = try await TestGateway([unwell, dear])
        for _ in 0..<12 { #expect(try await gateway.run(.scripted()).provider == "dear") }
        // Left alone after a few failures, not asked by each run.
        #expect(unwell.createCount < 12)
        let decision = try await gateway.engine.decide(.scripted(), by: .local)
        #expect(decision.ranking.map(\.offer.provider) == ["dear"])
        #expect(decision.candidates.contains { $0.offer.provider == "unwell" && !$0.isKept })
        #expect(gateway.metric("sandstorm_breaker_changes_total{provider=\"unwell\",to=\"open\"}") >= 1)
        unwell.behave { $0.refusal = nil }
        #expect(
            await eventually {
                await gateway.engine.desk.probeResting()
                return (try? await gateway.run(.scripted()).provider) == "unwell"
            })
        #expect(gateway.metric("sandstorm_probes_total{provider=\"unwell\",healthy=\"true\"}") >= 1)
        await gateway.stop()
    }
}
