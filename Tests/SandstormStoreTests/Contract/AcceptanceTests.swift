import SandstormCore
import SandstormStore
import Testing

@Suite("Accepting runs") struct AcceptanceTests {
    @Test("a run comes back as it was given", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let run = RunRecord.fixture(idempotencyKey: "key")
            guard case .accepted = try await store.accept(run) else { throw Unexpected() }
            let kept = try #require(try await store.run(run.result.id))
            #expect(kept.result == run.result)
            #expect(kept.request == run.request)
            #expect(kept.tenant == run.tenant)
            #expect(kept.project == run.project)
            #expect(kept.key == run.key)
            #expect(kept.fingerprint == run.fingerprint)
            #expect(kept.owner == run.owner)
        }
    }

    @Test("a run that was never accepted is not there", arguments: StoreBackend.all)
    func unknown(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let byID = try await store.run(.generate())
            let byKey = try await store.run(idempotencyKey: "key", tenant: .generate())
            #expect(byID == nil)
            #expect(byKey == nil)
        }
    }

    @Test("the same key with the same request is the same run", arguments: StoreBackend.all)
    func existing(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            let first = RunRecord.fixture(tenant: tenant, idempotencyKey: "key")
            _ = try await store.accept(first)
            let second = RunRecord.fixture(tenant: tenant, idempotencyKey: "key")
            guard case .existing(let found) = try await store.accept(second) else { throw Unexpected() }
            #expect(found.result.id == first.result.id)
            #expect(try await store.run(second.result.id)?.result.id == nil)
            #expect(try await store.run(idempotencyKey: "key", tenant: tenant)?.result.id == first.result.id)
        }
    }

    @Test("the same key with another request is a conflict", arguments: StoreBackend.all)
    func conflict(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            let first = RunRecord.fixture(tenant: tenant, idempotencyKey: "key", fingerprint: [1])
            _ = try await store.accept(first)
            let second = RunRecord.fixture(tenant: tenant, idempotencyKey: "key", fingerprint: [2])
            guard case .conflict(let id) = try await store.accept(second) else { throw Unexpected() }
            #expect(id == first.result.id)
            #expect(try await store.run(second.result.id)?.result.id == nil)
        }
    }

    @Test("tenants do not share keys", arguments: StoreBackend.all)
    func tenants(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            for _ in 0..<2 {
                guard case .accepted = try await store.accept(.fixture(idempotencyKey: "key")) else { throw Unexpected() }
            }
        }
    }

    @Test("a key is free again after 24 hours, and not before", arguments: StoreBackend.all)
    func expiry(backend: StoreBackend) async throws {
        let clock = TestClock()
        try await backend.withStore(clock: clock) { store in
            let tenant = TenantID.generate()
            let first = RunRecord.fixture(tenant: tenant, idempotencyKey: "key", fingerprint: [1])
            _ = try await store.accept(first)
            clock.advance(by: .seconds(86_400) - .milliseconds(1))
            #expect(try await store.run(idempotencyKey: "key", tenant: tenant)?.result.id != nil)
            clock.advance(by: .milliseconds(1))
            #expect(try await store.run(idempotencyKey: "key", tenant: tenant)?.result.id == nil)
            let second = RunRecord.fixture(tenant: tenant, idempotencyKey: "key", fingerprint: [2])
            guard case .accepted = try await store.accept(second) else { throw Unexpected() }
            #expect(try await store.run(idempotencyKey: "key", tenant: tenant)?.result.id == second.result.id)
            #expect(try await store.run(first.result.id)?.result.id != nil)
        }
    }

    @Test("of many with one key at once, one is accepted", arguments: StoreBackend.all)
    func race(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            let accepted = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 0..<50 {
                    group.addTask {
                        if case .accepted = try await store.accept(.fixture(tenant: tenant, idempotencyKey: "key")) { true } else { false }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(accepted == 1)
            #expect(try await store.unsettledRuns().count == 1)
        }
    }

    @Test("a run id is used once", arguments: StoreBackend.all)
    func duplicate(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let run = RunRecord.fixture()
            _ = try await store.accept(run)
            let error = await #expect(throws: StoreError.self) { try await store.accept(run) }
            #expect(error?.kind == .corrupt)
        }
    }
}

/// A case of an enum that the test did not want.
struct Unexpected: Error {}
