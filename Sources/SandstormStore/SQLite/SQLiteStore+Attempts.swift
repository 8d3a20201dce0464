import GRDB
package import SandstormCore

extension SQLiteStore {
    /// A new attempt of a settled run is refused; what is known of an old one may still be replaced, except its charge.
    ///
    /// - Throws: `corrupt` if the run is unknown or settled.
    package func save(_ attempt: AttemptRecord) async throws(StoreError) {
        try await write { database in try AttemptRow.save(attempt, in: database) }
    }

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
