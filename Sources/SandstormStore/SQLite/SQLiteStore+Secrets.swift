import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    package func insert(_ secret: SecretRecord) async throws(StoreError) -> Bool {
        let metadata = secret.metadata.json.encoded
        return try await write { database in
            try database.change(
                """
                INSERT INTO secrets (id, tenant, project, name, version, sealed, metadata, created_at, updated_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING
                """,
                [
                    secret.id.rawValue, secret.tenant.rawValue, secret.project.rawValue, secret.name, secret.version, secret.sealed.blob,
                    metadata, secret.createdAt.milliseconds, secret.updatedAt.milliseconds,
                ]) == 1
        }
    }

    package func secret(_ idOrName: String, tenant: TenantID) async throws(StoreError) -> SecretRecord? {
        try await read { database in
            try database.row(
                "SELECT * FROM secrets WHERE tenant = :tenant AND (id = :name OR name = :name) ORDER BY id = :name DESC LIMIT 1",
                ["tenant": tenant.rawValue, "name": idOrName]
            ).map(SecretRow.record)
        }
    }

    package func secrets(tenant: TenantID, before: SecretID?, limit: Int) async throws(StoreError) -> [SecretRecord] {
        try await read { database in
            try database.rows(
                "SELECT * FROM secrets WHERE tenant = :tenant AND (:before IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
                ["tenant": tenant.rawValue, "before": before?.rawValue, "limit": max(0, limit)], SecretRow.record)
        }
    }

    package func secretCount(tenant: TenantID) async throws(StoreError) -> Int {
        try await read { database in
            let row = try database.row("SELECT count(*) AS number FROM secrets WHERE tenant = ?", [tenant.rawValue])
            return Int(try row?.integer("number") ?? 0)
        }
    }

    package func replace(
        _ id: SecretID, sealed: [UInt8], metadata: [String: String]?, at date: Date
    ) async throws(StoreError) -> SecretRecord? {
        let metadata = metadata?.json.encoded
        return try await write { database in
            try database.row(
                """
                UPDATE secrets SET version = version + 1, sealed = ?, metadata = COALESCE(?, metadata), updated_at = ? WHERE id = ?
                RETURNING *
                """, [sealed.blob, metadata, date.milliseconds, id.rawValue]
            ).map(SecretRow.record)
        }
    }

    package func deleteSecret(_ id: SecretID) async throws(StoreError) -> Bool {
        try await write { database in try database.change("DELETE FROM secrets WHERE id = ?", [id.rawValue]) == 1 }
    }
}

/// A row of `secrets`.
private enum SecretRow {
    static func record(_ row: RowReader) throws(StoreError) -> SecretRecord {
        SecretRecord(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            name: try row.text("name"), version: Int(try row.integer("version")), sealed: try row.bytes("sealed"),
            metadata: try row.labels("metadata"), createdAt: try row.date("created_at"), updatedAt: try row.date("updated_at"))
    }
}
