import GRDB
package import SandstormCore

extension SQLiteStore {
    package func attempts(of run: RunID) async throws(StoreError) -> [AttemptRecord] {
        try await read { database in
            try database.rows(AttemptRow.select + " WHERE run = ? ORDER BY number", [run.rawValue], AttemptRow.record)
        }
    }

    /// The one whose lease ends first comes first.
    package func openAttempts() async throws(StoreError) -> [AttemptRecord] {
        try await read { database in
            try database.rows(AttemptRow.select + " WHERE ended_at IS NULL ORDER BY lease_until, id", [], AttemptRow.record)
        }
    }
}
