import Foundation
import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Who may use a data directory") struct DirectoryLockTests {
    @Test("nobody beside a gateway", arguments: [true, false])
    func besideGateway(exclusive: Bool) async throws {
        let directory = try TemporaryDirectory()
        let gateway = try SQLiteStore(directory: directory.path)
        let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path, exclusive: exclusive) }
        #expect(error?.kind == .inUse)
        #expect(error?.message.contains("(process \(getpid()))") == true)
        #expect(error?.message.contains(exclusive ? "another gateway" : "--gateway") == true)
        await gateway.close()
        await (try SQLiteStore(directory: directory.path, exclusive: exclusive)).close()
    }

    @Test("many runs without a gateway, though no gateway beside them")
    func sharing() async throws {
        let directory = try TemporaryDirectory()
        let first = try SQLiteStore(directory: directory.path, exclusive: false)
        let second = try SQLiteStore(directory: directory.path, exclusive: false)
        #expect(first.gateway == second.gateway)
        let run = RunRecord.fixture()
        _ = try await first.accept(run)
        #expect(try await second.run(run.result.id)?.result.id != nil)
        for store in [first, second] {
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
            #expect(error?.kind == .inUse)
            #expect(error?.message.contains("without a gateway") == true)
            await store.close()
        }
        await (try SQLiteStore(directory: directory.path)).close()
    }

    @Test("stores that share a directory write at once, each write whole")
    func writingTogether() async throws {
        let directory = try TemporaryDirectory()
        let stores = try await withThrowingTaskGroup(of: SQLiteStore.self) { group in
            for _ in 0..<4 { group.addTask { try SQLiteStore(directory: directory.path, exclusive: false) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(Set(stores.map(\.gateway)).count == 1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores {
                for _ in 0..<25 { group.addTask { _ = try await store.accept(.fixture()) } }
            }
            try await group.waitForAll()
        }
        #expect(try await stores[0].unsettledRuns().count == 100)
        for store in stores { await store.close() }
    }

    @Test("two directories have two identities")
    func identities() async throws {
        let directories = [try TemporaryDirectory(), try TemporaryDirectory()]
        let stores = try directories.map { try SQLiteStore(directory: $0.path) }
        #expect(stores[0].gateway != stores[1].gateway)
        for store in stores { await store.close() }
    }

    @Test("a place that can't be written is the operator's business")
    func unwritable() throws {
        let directory = try TemporaryDirectory()
        try Data().write(to: directory.url.appendingPathComponent("file"))
        // Refused to root as well.
        var places = [directory.path + "/file", directory.path + "/file/below"]
        #if os(Linux)
        places.append("/proc/sandstorm")
        #endif
        for place in places {
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: place) }
            #expect(error?.kind == .unavailable)
            #expect(error?.message.contains("another data directory") == true)
        }
    }

    @Test("a read-only directory is the operator's business", .enabled(if: getuid() != 0, "root may write anywhere"))
    func readOnly() throws {
        let directory = try TemporaryDirectory()
        try FileManager.default.setAttributes([.posixPermissions: 0o500], ofItemAtPath: directory.path)
        let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory.path) }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.contains("write permission") == true)
    }
}
