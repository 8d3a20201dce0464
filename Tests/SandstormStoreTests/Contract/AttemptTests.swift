import SandstormCore
import SandstormStore
import Testing

@Suite("Journaling attempts") struct AttemptTests {
    @Test("an attempt comes back as it was last saved, in order", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            let second = AttemptRecord.fixture(of: run, number: 2)
            var first = AttemptRecord.fixture(of: run, number: 1)
            for attempt in [second, first] { try await store.save(attempt) }
            #expect(try await store.attempts(of: run) == [first, second])
            first.providerSandbox = ProviderSandboxID("sandbox-7")
            first.createdAt = .at(20)
            first.startedAt = .at(30)
            first.endedAt = .at(40)
            first.leaseUntil = .at(90_000)
            first.charge = "$0.01"
            first.failure = "lost"
            try await store.save(first)
            #expect(try await store.attempts(of: run) == [first, second])
        }
    }

    @Test("open ones are those that have not ended, the first lease first", arguments: StoreBackend.all)
    func open(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            var attempts = (1...3).map { AttemptRecord.fixture(of: run, number: $0) }
            attempts[0].leaseUntil = .at(3000)
            attempts[1].leaseUntil = .at(1000)
            attempts[2].endedAt = .at(50)
            for attempt in attempts { try await store.save(attempt) }
            #expect(try await store.openAttempts() == [attempts[1], attempts[0]])
        }
    }

    @Test("an attempt needs its run", arguments: StoreBackend.all)
    func unknownRun(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let error = await #expect(throws: StoreError.self) { try await store.save(.fixture(of: .generate())) }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test("an attempt never moves to another run", arguments: StoreBackend.all)
    func moved(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (_, attempts) = try await store.acceptRun(charges: [.zero])
            let (other, _) = try await store.acceptRun(charges: [])
            var moved = attempts[0]
            moved.run = other
            let strayed = moved
            let error = await #expect(throws: StoreError.self) { try await store.save(strayed) }
            #expect(error?.kind == .corrupt)
            #expect(try await store.attempts(of: other).isEmpty)
        }
    }

    @Test("a settled run takes no new attempt, and keeps its charges", arguments: StoreBackend.all)
    func settled(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, attempts) = try await store.acceptRun(charges: ["$1"])
            #expect(try await store.settle(.finished(run, cost: "$1"), attempts: attempts))
            await #expect(throws: StoreError.self) { try await store.save(.fixture(of: run, number: 2)) }
            var late = attempts[0]
            late.endedAt = .at(99)
            late.charge = "$9"
            try await store.save(late)
            late.charge = "$1"
            #expect(try await store.attempts(of: run) == [late])
        }
    }
}
