import GRDB
import SandstormCore

/// A row of `attempts`.
enum AttemptRow {
    static let select = """
        SELECT id, run, number, sandbox, provider_sandbox, intended_at, created_at, started_at, ended_at, lease_until, charge, \
        failure, offer FROM attempts
        """

    static func record(_ row: RowReader) throws(StoreError) -> AttemptRecord {
        var attempt = AttemptRecord(
            id: try row.identifier("id"), run: try row.identifier("run"),
            number: try row.required("number", Int(exactly: row.integer("number"))), sandbox: try row.identifier("sandbox"),
            offer: Offer(json: try row.json("offer")), intendedAt: try row.date("intended_at"),
            leaseUntil: try row.date("lease_until"))
        attempt.providerSandbox = try row.textIfAny("provider_sandbox").map { ProviderSandboxID($0) }
        attempt.createdAt = try row.dateIfAny("created_at")
        attempt.startedAt = try row.dateIfAny("started_at")
        attempt.endedAt = try row.dateIfAny("ended_at")
        attempt.charge = try row.money("charge")
        attempt.failure = try row.textIfAny("failure")
        return attempt
    }

    /// Inserts an attempt, or replaces what was known of it; its charge is left alone once it was billed.
    ///
    /// - Throws: `corrupt` if its run is unknown or another's, or for a new attempt of a settled run, which nobody would bill.
    static func save(_ attempt: AttemptRecord, in database: Database) throws {
        guard try database.make(update(attempt)) == 0 else { return }
        guard try !SQLiteStore.isSettled(attempt.run, in: database) else {
            throw StoreError(.corrupt, "\(attempt.run) is settled and can't have another attempt")
        }
        try database.make(insertion(attempt))
    }

    static func insertion(_ attempt: AttemptRecord) -> Change {
        Change(
            """
            INSERT INTO attempts (id, run, number, sandbox, provider_sandbox, intended_at, created_at, started_at, ended_at,
                lease_until, charge, failure, offer)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                attempt.id.rawValue, attempt.run.rawValue, attempt.number, attempt.sandbox.rawValue, attempt.providerSandbox?.rawValue,
                attempt.intendedAt.milliseconds, attempt.createdAt?.milliseconds, attempt.startedAt?.milliseconds,
                attempt.endedAt?.milliseconds, attempt.leaseUntil.milliseconds, attempt.charge.nanodollars, attempt.failure,
                attempt.offer.json.encoded,
            ])
    }

    /// What changes an attempt that is there. Its number, its offer and when it was intended stay as they are.
    static func update(_ attempt: AttemptRecord) -> Change {
        Change(
            """
            UPDATE attempts SET sandbox = ?, provider_sandbox = ?, created_at = ?, started_at = ?, ended_at = ?, lease_until = ?,
                failure = ?, charge = CASE WHEN EXISTS (SELECT 1 FROM charges WHERE attempt = attempts.id) THEN charge ELSE ? END
            WHERE id = ? AND run = ?
            """,
            [
                attempt.sandbox.rawValue, attempt.providerSandbox?.rawValue, attempt.createdAt?.milliseconds,
                attempt.startedAt?.milliseconds, attempt.endedAt?.milliseconds, attempt.leaseUntil.milliseconds, attempt.failure,
                attempt.charge.nanodollars, attempt.id.rawValue, attempt.run.rawValue,
            ])
    }
}
