import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Opening and closing") struct LifeCycleTests {
    @Test("all of it is there after reopening, the identity too", arguments: StoreBackend.all)
    func reopening(backend: StoreBackend) async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let first = try await backend.open(directory.path, clock)
        let (run, attempts) = try await first.acceptRun(charges: ["$1"])
        await first.close()
        for _ in 0..<2 {
            let store = try await backend.open(directory.path, clock)
            #expect(store.gateway == first.gateway)
            #expect(try await store.attempts(of: run) == attempts)
            await store.close()
        }
    }

    @Test("a ping succeeds again and again, also at once", arguments: StoreBackend.all)
    func ping(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 { group.addTask { try await store.ping() } }
                try await group.waitForAll()
            }
        }
    }

    @Test("closing waits for the writes under way", arguments: StoreBackend.all)
    func draining(backend: StoreBackend) async throws {
        let directory = try TemporaryDirectory()
        let clock = TestClock()
        let store = try await backend.open(directory.path, clock)
        let accepted = await withTaskGroup(of: RunID?.self) { group in
            for index in 0..<100 {
                group.addTask {
                    if index == 50 {
                        await store.close()
                        return nil
                    }
                    let run = RunRecord.fixture()
                    do throws(StoreError) {
                        _ = try await store.accept(run)
                        return run.result.id
                    } catch {
                        #expect(error.kind == .unavailable)
                        return nil
                    }
                }
            }
            return await group.reduce(into: Set<RunID>()) { if let id = $1 { $0.insert(id) } }
        }
        let reopened = try await backend.open(directory.path, clock)
        #expect(Set(try await reopened.unsettledRuns().map(\.result.id)) == accepted)
        await reopened.close()
    }

    @Test("after closing every call is refused; closing again does nothing", arguments: StoreBackend.all)
    func closed(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            await store.close()
            await store.close()
            let write = await #expect(throws: StoreError.self) { try await store.accept(.fixture()) }
            #expect(write?.kind == .unavailable)
            let read = await #expect(throws: StoreError.self) { try await store.keys() }
            #expect(read?.kind == .unavailable)
        }
    }
}
