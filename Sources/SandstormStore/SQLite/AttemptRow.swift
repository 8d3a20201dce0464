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
        guard try !update(attempt, in: database) else { return }
        guard try !SQLiteStore.isSettled(attempt.run, in: database) else {
            throw StoreError(.corrupt, "\(attempt.run) is settled and can't have another attempt")
        }
        try database.change(
            """
            INSERT INTO attempts (id, run, number, sandbox, provider_sandbox, intended_at, created_at, started_at, ended_at,
                lease_until, charge, failure, offer)
            VALUES (:id, :run, :number, :sandbox, :providerSandbox, :intendedAt, :createdAt, :startedAt, :endedAt,
                :leaseUntil, :charge, :failure, :offer)
            """, arguments(attempt))
    }

    private static func update(_ attempt: AttemptRecord, in database: Database) throws -> Bool {
        try database.change(
            """
            UPDATE attempts SET number = :number, sandbox = :sandbox, provider_sandbox = :providerSandbox,
                intended_at = :intendedAt, created_at = :createdAt, started_at = :startedAt, ended_at = :endedAt,
                lease_until = :leaseUntil, failure = :failure, offer = :offer,
                charge = CASE WHEN EXISTS (SELECT 1 FROM charges WHERE attempt = :id) THEN charge ELSE :charge END
            WHERE id = :id AND run = :run
            """, arguments(attempt)) == 1
    }

    private static func arguments(_ attempt: AttemptRecord) -> StatementArguments {
        [
            "id": attempt.id.rawValue, "run": attempt.run.rawValue, "number": attempt.number, "sandbox": attempt.sandbox.rawValue,
            "providerSandbox": attempt.providerSandbox?.rawValue, "intendedAt": attempt.intendedAt.milliseconds,
            "createdAt": attempt.createdAt?.milliseconds, "startedAt": attempt.startedAt?.milliseconds,
            "endedAt": attempt.endedAt?.milliseconds, "leaseUntil": attempt.leaseUntil.milliseconds,
            "charge": attempt.charge.nanodollars, "failure": attempt.failure, "offer": attempt.offer.json.encoded,
        ]
    }
}
