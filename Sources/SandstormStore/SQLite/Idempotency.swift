import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// What is remembered of idempotency keys, each for 24 hours from its first use.
enum Idempotency {
    private static let lifetime: Int64 = 86_400_000

    /// The run for which a tenant used a key.
    static func entry(
        _ key: String, tenant: TenantID, at now: Date, in database: Database
    ) throws -> (run: RunID, fingerprint: [UInt8])? {
        try database.row(
            "SELECT run, fingerprint FROM idempotency WHERE tenant = ? AND key = ? AND expires_at > ?",
            [tenant.rawValue, key, now.milliseconds]
        ).map { row in (try row.identifier("run"), try row.bytes("fingerprint")) }
    }

    /// Remembers the key of a new run, if it has one, in place of an entry that has expired.
    static func remember(_ run: RunRecord, at now: Date, in database: Database) throws {
        guard let key = run.request.idempotencyKey else { return }
        try database.change(
            """
            INSERT INTO idempotency (tenant, key, fingerprint, run, expires_at)
            VALUES (:tenant, :key, COALESCE(:fingerprint, zeroblob(0)), :run, :expiresAt)
            ON CONFLICT (tenant, key)
            DO UPDATE SET fingerprint = excluded.fingerprint, run = excluded.run, expires_at = excluded.expires_at
            """,
            [
                "tenant": run.tenant.rawValue, "key": key, "fingerprint": run.fingerprint.blob, "run": run.result.id.rawValue,
                "expiresAt": now.milliseconds + lifetime,
            ])
    }

    /// Forgets some entries that have expired. Removing a few for each one added keeps the table small and no call slow.
    static func sweep(before now: Date, in database: Database) throws {
        try database.change(
            """
            DELETE FROM idempotency
            WHERE rowid IN (SELECT rowid FROM idempotency WHERE expires_at <= ? ORDER BY expires_at LIMIT 8)
            """, [now.milliseconds])
    }
}
