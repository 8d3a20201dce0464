import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormStore

@Suite("Retention") struct RetentionTests {
    @Test("only the events of runs that were settled long ago go")
    func pruning() async throws {
        let clock = TestClock()
        try await withSQLiteStore(clock: clock) { store in
            var runs: [RunID] = []
            for _ in 0..<3 {
                let (run, _) = try await store.acceptRun(charges: [])
                try await store.append(EventTests.lines(1...2500), to: run)
                runs.append(run)
            }
            #expect(try await store.settle(.finished(runs[0]), attempts: []))
            clock.advance(by: .seconds(3600))
            let limit = clock.now
            #expect(try await store.settle(.finished(runs[1]), attempts: []))
            #expect(try await store.pruneEvents(settledBefore: limit) == 2500)
            #expect(try await store.pruneEvents(settledBefore: limit) == 0)
            var left: [Int] = []
            for run in runs { left.append(try await store.events(of: run, after: 0, limit: 10_000).count) }
            #expect(left == [0, 2500, 2500])
            #expect(try await store.run(runs[0])?.result.stdout == "out\n")
        }
    }

    @Test("expired idempotency keys are swept when new ones come")
    func sweeping() async throws {
        let clock = TestClock()
        try await withSQLiteStore(clock: clock) { store in
            for index in 0..<20 { _ = try await store.accept(.fixture(idempotencyKey: "old \(index)")) }
            clock.advance(by: .seconds(86_400))
            for index in 0..<3 { _ = try await store.accept(.fixture(idempotencyKey: "new \(index)")) }
            let kept = try await store.read { try $0.row("SELECT count(*) AS count FROM idempotency")?.integer("count") }
            #expect(kept == 3)
        }
    }
}
