import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("The gateway's own time") struct OverheadTests {
    @Test func `waits for the provider and for the code are not the gateway's own time`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.milliseconds(300)), .exit(0)])
        provider.behave { $0.createDelay = .milliseconds(300) }
        let gateway = try await TestGateway([provider])
        let begun = ContinuousClock.now
        let handle = try await gateway.engine.submit(.scripted(), by: .local)
        #expect(handle.overhead == nil)
        _ = try await handle.result()
        let whole = begun.duration(to: .now)
        let overhead = try #require(handle.overhead)
        #expect(overhead.own > .zero && overhead.journal > .zero)
        #expect(whole - overhead.own - overhead.journal >= .milliseconds(600))
        #expect(gateway.metric("sandstorm_run_overhead_seconds_count") == 1)
        #expect(gateway.metric("sandstorm_run_overhead_seconds_bucket{le=\"+Inf\"}") == 1)
        #expect(gateway.metric("sandstorm_run_journal_seconds_count") == 1)
        await gateway.stop()
    }

    @Test func `a client that reads slowly is a wait as well`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 16 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let provider = ScriptedProvider(script: Array(repeating: .output(chunk), count: 4) + [.exit(0)])
        let gateway = try await TestGateway([provider], configuration: configuration)
        let begun = ContinuousClock.now
        let handle = try await gateway.engine.submit(.scripted(), by: .local)
        var iterator = handle.events.makeAsyncIterator()
        _ = try await iterator.next()
        #expect(await eventually { provider.stepsPlayed >= 2 })
        try await Task.sleep(for: .milliseconds(400))
        while try await iterator.next() != nil {}
        let overhead = try #require(handle.overhead)
        #expect(begun.duration(to: .now) - overhead.own >= .milliseconds(350))
        await gateway.stop()
    }

    @Test func `waits that overlap count once`() async throws {
        let begun = ContinuousClock.now
        let clock = WaitClock(since: begun)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask { await clock.during { try? await Task.sleep(for: .milliseconds(100)) } }
            }
        }
        try? await Task.sleep(for: .milliseconds(300))
        // Counted eight times, the waits would leave nothing of the time that followed them.
        #expect(clock.overhead.own >= .milliseconds(300))
        #expect(begun.duration(to: .now) - clock.overhead.own >= .milliseconds(100))
        #expect(clock.overhead.journal == .zero)
    }

    @Test func `the journal is a wait that is told apart`() async throws {
        let clock = WaitClock(since: .now)
        await clock.during { await clock.journaling { try? await Task.sleep(for: .milliseconds(100)) } }
        let (first, begun) = (clock.overhead, ContinuousClock.now)
        await clock.during { try? await Task.sleep(for: .milliseconds(100)) }
        #expect(first.journal >= .milliseconds(100))
        #expect(clock.overhead.journal == first.journal)
        #expect(clock.overhead.own - first.own <= begun.duration(to: .now) - .milliseconds(100))
    }
}
