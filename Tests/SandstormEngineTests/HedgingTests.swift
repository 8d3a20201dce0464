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

@Suite("Hedging") struct HedgingTests {
    // The first place is half as dear as the second and says that it is as fast, so that it comes first.

    private func pair(
        _ change: @escaping @Sendable (inout ScriptedProvider.Behaviour) -> Void
    ) async throws -> (first: ScriptedProvider, second: ScriptedProvider, gateway: TestGateway) {
        let first = ScriptedProvider(id: "first", price: PriceSchedule(perCreate: "$0.10"), script: [.output("first"), .exit(0)])
        let second = ScriptedProvider(id: "second", price: PriceSchedule(perCreate: "$0.20"), script: [.output("second"), .exit(0)])
        first.behave(change)
        var configuration = TestGateway.quick
        configuration.routing.hedging = true
        return (first, second, try await TestGateway([first, second], configuration: configuration))
    }

    @Test func `a second place is asked when the first is late, and the loser is killed, billed and written down`() async throws {
        let (first, second, gateway) = try await pair { behaviour in
            // Made all the same when its caller gives it up, and found by its tag.
            behaviour.createDelay = .seconds(3600)
            behaviour.makesSandboxFirst = true
        }
        let result = try await gateway.run(.scripted())
        #expect(result.state == .finished)
        #expect(result.provider == "second")
        #expect(result.stdout == "second")
        #expect(result.cost == "$0.30")
        #expect(first.livingCount + second.livingCount == 0)
        #expect(first.commands.isEmpty)
        let attempts = try await gateway.store.attempts(of: result.id)
        #expect(attempts.map(\.number) == [1, 2])
        #expect(attempts.map(\.charge) == ["$0.10", "$0.20"])
        #expect(attempts.allSatisfy { $0.endedAt != nil })
        #expect(attempts.first?.failure == "called off: another place was faster")
        for step in ["granted", "won"] { #expect(gateway.metric("sandstorm_hedges_total{step=\"\(step)\"}") == 1) }
        await gateway.stop()
    }

    @Test func `a first place that is ready in time after all runs the code, and only it`() async throws {
        let (_, second, gateway) = try await pair { $0.createDelay = .seconds(8) }
        second.behave { $0.createDelay = .seconds(3600) }
        let result = try await gateway.run(.scripted())
        #expect(result.provider == "first")
        #expect(second.createCount == 1 && second.commands.isEmpty && second.livingCount == 0)
        #expect(try await gateway.store.attempts(of: result.id).map(\.number) == [1, 2])
        #expect(gateway.metric("sandstorm_hedges_total{step=\"won\"}") == 0)
        await gateway.stop()
    }

    @Test func `a place that makes sandboxes at once but is late to let code in is overtaken too`() async throws {
        let (first, second, gateway) = try await pair { $0.delays[.files] = .seconds(3600) }
        let result = try await gateway.run(.scripted())
        #expect(result.provider == "second")
        #expect(first.livingCount == 0 && first.commands.isEmpty)
        #expect(second.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a place that is in time has no rival`() async throws {
        let (first, second, gateway) = try await pair { _ in }
        // On a busy machine it may be late now and then.
        for _ in 0..<5 { _ = try await gateway.run(.scripted(constraints: Constraints(explore: false))) }
        #expect(first.createCount > 0)
        #expect(second.createCount < 5)
        #expect(first.livingCount + second.livingCount == 0)
        await gateway.stop()
    }

    @Test func `when both fail, the run says so of both`() async throws {
        let (_, second, gateway) = try await pair { behaviour in
            behaviour.createDelay = .seconds(8)
            behaviour.createFailures = [ProviderError(.noCapacity, "first is full")]
        }
        second.behave { $0.createFailures = [ProviderError(.outOfCredit, "second is broke")] }
        let result = try await gateway.run(.scripted())
        #expect(result.failure == RunFailure(.providersFailed, "first is full; second is broke"))
        await gateway.stop()
    }

    @Test func `the cap covers both: a second create that it does not pay for is not begun`() async throws {
        let (first, second, gateway) = try await pair { $0.createDelay = .seconds(8) }
        let result = try await gateway.run(.scripted(constraints: Constraints(maxCost: "$0.25")))
        #expect(result.state == .finished && result.provider == "first")
        #expect(second.createCount == 0)
        #expect(first.createCount == 1)
        #expect(gateway.metric("sandstorm_hedges_total{step=\"asked\"}") == 1)
        #expect(gateway.metric("sandstorm_hedges_total{step=\"granted\"}") == 0)
        await gateway.stop()
    }

    @Test("a race that is cancelled leaves nothing", arguments: [0, 200, 700, 1500, 4000])
    func cancelled(milliseconds: Int) async throws {
        let (first, second, gateway) = try await pair { behaviour in
            behaviour.createDelay = .seconds(3600)
            behaviour.makesSandboxFirst = true
        }
        second.behave { behaviour in
            behaviour.createDelay = .milliseconds(500)
            behaviour.script = [.sleep(.seconds(3600))]
        }
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        try await Task.sleep(for: .milliseconds(milliseconds))
        let result = try await gateway.engine.cancel(handle.id, for: .local)
        #expect(result.state == .cancelled && result.isSettled)
        #expect(first.livingCount + second.livingCount == 0)
        #expect(try await gateway.store.attempts(of: handle.id).allSatisfy { $0.endedAt != nil })
        await gateway.stop()
    }

    @Test func `a crash in the middle of a race leaves nothing running`() async throws {
        let (first, second, gateway) = try await pair { _ in }
        let id = try await RecoveryTests.crash(gateway.store, first, phase: .created)
        // The hedge's intent and its sandbox, as they are journaled before the race is decided.
        let request = RunRequest.scripted()
        let offer = try #require(second.offers(for: request.spec).first)
        let attempt = AttemptRecord(
            id: .generate(), run: id, number: 2, sandbox: .generate(), offer: offer, intendedAt: .now, leaseUntil: .now + 600)
        try await gateway.store.save(attempt)
        let tag = SandboxTag(gateway: gateway.store.gateway, run: id, attempt: attempt.id, sandbox: attempt.sandbox)
        _ = try await second.create(request.spec, on: offer, tag: tag)
        #expect(first.livingCount == 1 && second.livingCount == 1)
        await gateway.engine.recover()
        #expect(first.livingCount + second.livingCount == 0)
        let result = try await gateway.engine.run(id, for: .local)
        #expect(result.isSettled && result.cost == "$0.30")
        await gateway.stop()
    }
}
