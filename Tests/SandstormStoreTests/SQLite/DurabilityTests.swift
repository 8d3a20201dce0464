import Foundation
import GRDB
import SandstormCore
import SandstormTestSupport
import Testing

@testable import SandstormStore

@Suite("Durability") struct DurabilityTests {
    @Test("every commit reaches the disk")
    func pragmas() async throws {
        try await withSQLiteStore { store in
            let (synchronous, journal, foreignKeys) = try await store.write { database in
                (
                    try Int.fetchOne(database, sql: "PRAGMA synchronous"), try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                    try Int.fetchOne(database, sql: "PRAGMA foreign_keys")
                )
            }
            #expect(synchronous == 2)
            #expect(journal == "wal")
            #expect(foreignKeys == 1)
        }
    }

    @Test("what was acknowledged is in the files at that moment")
    func copy() async throws {
        try await withSQLiteStore { store in
            let (settled, attempts) = try await store.acceptRun(charges: ["$1"])
            #expect(try await store.settle(.finished(settled, cost: "$1"), attempts: attempts))
            let (open, _) = try await store.acceptRun(charges: [.zero])

            let directory = try TemporaryDirectory()
            for file in ["sandstorm.sqlite", "sandstorm.sqlite-wal"] {
                try FileManager.default.copyItem(atPath: "\(store.directory)/\(file)", toPath: "\(directory.path)/\(file)")
            }
            let copy = try SQLiteStore(directory: directory.path)
            #expect(copy.gateway == store.gateway)
            #expect(try await copy.run(settled)?.result.cost == "$1")
            #expect(try await copy.unsettledRuns().map(\.result.id) == [open])
            #expect(try await copy.openAttempts().count == 2)
            await copy.close()
        }
    }

    @Test("a killed process loses nothing that was acknowledged, and its lock")
    func killed() async throws {
        let directory = try TemporaryDirectory()
        let id = RunID.generate().rawValue
        await #expect(processExitsWith: .signal(SIGKILL)) { [path = directory.path as String, id = id as String] in
            let store = try SQLiteStore(directory: path)
            let run = RunRecord.fixture(id: try #require(RunID(id)))
            _ = try await store.accept(run)
            try await store.save(.fixture(of: run.result.id))
            kill(getpid(), SIGKILL)
        }
        let store = try SQLiteStore(directory: directory.path)
        let run = try #require(try await store.unsettledRuns().first)
        #expect(run.result.id.rawValue == id)
        #expect(try await store.attempts(of: run.result.id).count == 1)
        await store.close()
    }

    @Test("only the owner can read the files")
    func modes() async throws {
        let parent = try TemporaryDirectory()
        let store = try SQLiteStore(directory: parent.path + "/new/data")
        try await store.ping()
        func mode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: store.directory + name)[.posixPermissions] as? Int
        }
        #expect(try mode("") == 0o700)
        for name in ["/sandstorm.sqlite", "/sandstorm.sqlite-wal", "/sandstorm.sqlite-shm", "/lock"] { #expect(try mode(name) == 0o600) }
        await store.close()
        #expect(try FileManager.default.attributesOfItem(atPath: store.directory + "/sandstorm.sqlite-wal")[.size] as? Int == 0)
    }
}
