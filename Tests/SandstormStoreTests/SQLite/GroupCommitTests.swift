import Dispatch
import GRDB
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormStore

@Suite("Group commit") struct GroupCommitTests {
    @Test("writes that wait together share one commit")
    func sharing() async throws {
        try await withSQLiteStore { store in
            let before = store.writeStatistics
            try await store.writingTogether((0..<100).map { _ in RunRecord.fixture() }) { store, run in _ = try await store.accept(run) }
            // One for the write that held the others up, one for the hundred.
            #expect(store.writeStatistics.transactions == before.transactions + 2)
            #expect(store.writeStatistics.writes == before.writes + 101)
            #expect(try await store.unsettledRuns().count == 100)
        }
    }

    @Test("a write that fails is undone alone")
    func failingNeighbour() async throws {
        try await withSQLiteStore { store in
            let failures = Locked(0)
            try await store.writingTogether(Array(0..<20)) { store, index in
                let run = RunRecord.fixture()
                do throws(StoreError) {
                    try await store.write { database in
                        for row in RunRow.insertion(run) { try database.make(row) }
                        if index % 2 == 0 { for row in RunRow.insertion(run) { try database.make(row) } }
                    }
                } catch {
                    #expect(error.kind == .corrupt)
                    failures.withLock { $0 += 1 }
                }
            }
            #expect(failures.withLock { $0 } == 10)
            #expect(try await store.unsettledRuns().count == 10)
        }
    }

    @Test("a write that costs everyone the transaction hurts only itself")
    func lostTransaction() async throws {
        try await withSQLiteStore { store in
            let failures = Locked(0)
            try await store.writingTogether(Array(0..<20)) { store, index in
                let run = RunRecord.fixture()
                do throws(StoreError) {
                    try await store.write { database in
                        for row in RunRow.insertion(run) { try database.make(row) }
                        guard index == 10 else { return }
                        // What SQLite does by itself when the disk is full.
                        try database.rollback()
                        throw DatabaseError(resultCode: .SQLITE_FULL)
                    }
                } catch {
                    #expect(error.kind == .unavailable)
                    failures.withLock { $0 += 1 }
                }
            }
            #expect(failures.withLock { $0 } == 1)
            #expect(try await store.unsettledRuns().count == 19)
        }
    }

    @Test("a write too large for the disk leaves room for small ones")
    func fullDisk() async throws {
        try await withSQLiteStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            try await store.write { database in
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                try database.execute(sql: "PRAGMA max_page_count = \(pages + 20)")
            }
            let failures = Locked<[StoreError]>([])
            try await store.writingTogether(Array(1...10)) { store, index in
                let output = [UInt8](repeating: 65, count: index == 5 ? 10_000_000 : 10)
                do throws(StoreError) {
                    try await store.append([RunEvent(sequence: index, time: .at(0), body: .stdout(output))], to: run)
                } catch {
                    failures.withLock { $0.append(error) }
                }
            }
            let error = try #require(failures.withLock { $0 }.first)
            #expect(failures.withLock { $0.count } == 1)
            #expect(error.kind == .unavailable)
            #expect(error.message.contains("free space"))
            #expect(try await store.events(of: run, after: 0, limit: 100).map(\.sequence) == [1, 2, 3, 4, 6, 7, 8, 9, 10])
        }
    }

    @Test("a cancelled task's write happens all the same")
    func cancellation() async throws {
        try await withSQLiteStore { store in
            let runs = (0..<10).map { _ in RunRecord.fixture() }
            let tasks = Locked<[Task<Void, any Error>]>([])
            try await store.writingTogether(runs) { store, run in
                let task = Task {
                    _ = try await store.accept(run)
                    // Reading goes on as well, for whoever cleans up.
                    #expect(try await store.run(run.result.id)?.result.id != nil)
                }
                tasks.withLock { $0.append(task) }
                task.cancel()
                try await task.value
            }
            #expect(try await store.unsettledRuns().count == 10)
        }
    }

    @Test("a read-only database is the operator's business")
    func readOnly() async throws {
        try await withSQLiteStore { store in
            try await store.write { try $0.execute(sql: "PRAGMA query_only = 1") }
            let error = await #expect(throws: StoreError.self) { try await store.ping() }
            #expect(error?.kind == .unavailable)
            #expect(error?.message.contains("writable") == true)
            let again = await #expect(throws: StoreError.self) { try await store.accept(.fixture()) }
            #expect(again?.kind == .unavailable)
            #expect(try await store.runs(RunQuery()).isEmpty)
        }
    }
}

/// Gives `body` an empty store, which is closed and removed afterwards.
func withSQLiteStore(clock: TestClock = TestClock(), _ body: (SQLiteStore) async throws -> Void) async throws {
    let backend = StoreBackend(testDescription: "SQLite") { directory, clock in
        try await SQLiteStore.open(directory: directory, now: { clock.now })
    }
    try await backend.withStore(clock: clock) { store in try await body(#require(store as? SQLiteStore)) }
}

extension SQLiteStore {
    /// Holds the writer until one write for each element waits, so that all of them make one batch.
    func writingTogether<Element: Sendable>(
        _ elements: [Element], _ write: @escaping @Sendable (SQLiteStore, Element) async throws -> Void
    ) async throws {
        let isHeld = Locked(false)
        let release = DispatchSemaphore(value: 0)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await self.write { _ in
                    isHeld.withLock { $0 = true }
                    release.wait()
                }
            }
            let isReady = await eventually { isHeld.withLock { $0 } }
            for element in elements { group.addTask { try await write(self, element) } }
            let isGathered = await eventually { self.pendingWriteCount == elements.count }
            release.signal()
            #expect(isReady && isGathered)
            try await group.waitForAll()
        }
    }
}
