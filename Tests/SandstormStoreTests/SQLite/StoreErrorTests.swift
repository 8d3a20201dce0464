import GRDB
import SandstormCore
import Testing

@testable import SandstormStore

@Suite("What a database error means") struct StoreErrorTests {
    @Test(
        "the operator's business is told from nonsense",
        arguments: [
            (ResultCode.SQLITE_FULL, StoreError.Kind.unavailable, "free space"),
            (.SQLITE_IOERR_FSYNC, .unavailable, "disk errors"),
            (.SQLITE_READONLY, .unavailable, "writable"),
            (.SQLITE_CANTOPEN, .unavailable, "read and write"),
            (.SQLITE_BUSY_TIMEOUT, .unavailable, "another program"),
            (.SQLITE_LOCKED, .unavailable, "another program"),
            (.SQLITE_CORRUPT, .corrupt, "backup"),
            (.SQLITE_NOTADB, .corrupt, "backup"),
            (.SQLITE_CONSTRAINT_UNIQUE, .corrupt, ""),
            (.SQLITE_ERROR, .corrupt, ""),
        ])
    func mapping(code: ResultCode, kind: StoreError.Kind, remedy: String) {
        let error = StoreError(database: DatabaseError(resultCode: code, message: "words"))
        #expect(error.kind == kind)
        #expect(error.message.hasPrefix("words"))
        #expect(remedy.isEmpty || error.message.contains(remedy))
    }

    @Test("the values of a statement stay out of the message")
    func redaction() async throws {
        try await withSQLiteStore { store in
            let run = RunRecord.fixture(owner: "hunter2")
            _ = try await store.accept(run)
            let error = await #expect(throws: StoreError.self) { try await store.accept(run) }
            #expect(error.map { "\($0)" } == "store corrupt: UNIQUE constraint failed: runs.id")
        }
    }
}
