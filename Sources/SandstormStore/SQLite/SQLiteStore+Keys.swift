import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    /// - Throws: `corrupt` if the id or the hash is there already.
    package func insert(_ key: APIKeyRecord) async throws(StoreError) {
        try await write { database in
            _ = try database.change(
                "INSERT INTO api_keys (id, tenant, project, name, hash, created_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    key.id.rawValue, key.tenant.rawValue, key.project.rawValue, key.name, key.hash.blob, key.createdAt.milliseconds,
                    key.revokedAt?.milliseconds,
                ])
        }
    }

    package func key(hash: [UInt8]) async throws(StoreError) -> APIKeyRecord? {
        try await read { database in
            try database.row("SELECT * FROM api_keys WHERE hash = ? AND revoked_at IS NULL", [hash.blob]).map(KeyRow.record)
        }
    }

    package func keys() async throws(StoreError) -> [APIKeyRecord] {
        try await read { database in
            try database.rows("SELECT * FROM api_keys ORDER BY created_at DESC, id DESC", [], KeyRow.record)
        }
    }

    /// Revoking again leaves the first date.
    package func revokeKey(_ id: APIKeyID, at date: Date) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?", [date.milliseconds, id.rawValue]) == 1
        }
    }
}

/// A row of `api_keys`.
private enum KeyRow {
    static func record(_ row: RowReader) throws(StoreError) -> APIKeyRecord {
        APIKeyRecord(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            name: try row.text("name"), hash: try row.bytes("hash"), createdAt: try row.date("created_at"),
            revokedAt: try row.dateIfAny("revoked_at"))
    }
}
