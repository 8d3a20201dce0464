import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Failover") struct FailoverTests {
    static let dearer = PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000))

    @Test(
        "a create that fails elsewhere-worthily moves on",
        arguments: [ProviderError.Code.quotaExceeded, .noCapacity, .outOfCredit, .rateLimited, .unauthenticated, .unsupported])
    func movesOn(code: ProviderError.Code) async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = [ProviderError(code, "no")] }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted())
        #expect(result.state == .finished)
        #expect(result.provider == "second")
        #expect(first.createCount == 1)
        #expect(try await gateway.store.attempts(of: result.id).count == 2)
        await gateway.stop()
    }

    @Test func `an unwell provider is asked once more, then left`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = Array(repeating: ProviderError(.unavailable, "502"), count: 5) }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        #expect(try await gateway.run(.scripted()).provider == "second")
        #expect(first.createCount == 2)
        await gateway.stop()
    }

    @Test func `the caller's mistake is not tried elsewhere`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = [ProviderError(.invalid, "no such image")] }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted())
        #expect(result.failure == RunFailure(.refused, "no such image"))
        #expect(second.createCount == 0)
        await gateway.stop()
    }

    @Test func `code that has started is not started again`() async throws {
        let first = ScriptedProvider(id: "first", script: [.output("side effect\n"), .die])
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted())
        #expect(result.failure?.kind == .sandboxLost)
        #expect(second.createCount == 0)
        #expect(first.livingCount == 0)
        await gateway.stop()
    }

    @Test func `idempotent code is`() async throws {
        let first = ScriptedProvider(id: "first", script: [.die])
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted(idempotent: true))
        #expect(result.state == .finished)
        #expect(result.provider == "second")
        await gateway.stop()
    }

    @Test func `a lost language toolchain is looked for elsewhere`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.missingPrograms = ["bash", "sh", "/bin/sh", "/bin/bash"] }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        #expect(try await gateway.run(.scripted()).provider == "second")
        await gateway.stop()
    }

    @Test func `when every offer fails the run says why for each`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = [ProviderError(.quotaExceeded, "first is full")] }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        second.behave { $0.createFailures = [ProviderError(.outOfCredit, "second is broke")] }
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted())
        #expect(result.failure == RunFailure(.providersFailed, "first is full; second is broke"))
        #expect(result.cost == .zero)
        await gateway.stop()
    }

    @Test func `a create that took effect without an answer is found, killed and billed`() async throws {
        let first = ScriptedProvider(id: "first", price: PriceSchedule(perCreate: "$1"))
        first.behave {
            $0.createFailures = [ProviderError(.timedOut, "no answer", mayHaveTakenEffect: true)]
            $0.failedCreatesTakeEffect = true
        }
        let second = ScriptedProvider(id: "second", price: PriceSchedule(perCreate: "$2"))
        let gateway = try await TestGateway([first, second])
        let result = try await gateway.run(.scripted())
        // The second try at the same provider succeeded; the orphan of the first is gone but was not free.
        #expect(result.state == .finished)
        #expect(result.cost == "$2")
        #expect(first.livingCount == 0)
        #expect(first.killCount == 2)
        await gateway.stop()
    }

    @Test func `a kill that fails is repeated`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.killFailures = [ProviderError(.unavailable, "503"), ProviderError(.timedOut, "slow")] }
        let gateway = try await TestGateway([provider])
        #expect(try await gateway.run(.scripted()).state == .finished)
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `readers hear of each attempt that failed`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = [ProviderError(.noCapacity, "first is full")] }
        let second = ScriptedProvider(id: "second", price: Self.dearer)
        let gateway = try await TestGateway([first, second])
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        var told: [RunEvent.Body] = []
        for try await event in handle.events {
            switch event.body {
            case .attemptFailed, .started: told.append(event.body)
            default: break
            }
        }
        #expect(told.first == .attemptFailed(attempt: 1, provider: "first", code: .noCapacity, detail: "first is full"))
        guard case .started(provider: "second", _, attempt: 2) = told.last else {
            Issue.record("\(told)")
            return
        }
        #expect(told.count == 2)
        // What is read again from the store is the same.
        var kept: [RunEvent.Body] = []
        for try await event in try await gateway.engine.events(of: handle.id, after: 0, following: false, for: .local) {
            if case .attemptFailed = event.body { kept.append(event.body) }
        }
        #expect(kept == [told[0]])
        await gateway.stop()
    }
}
