import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    /// - Throws: `corrupt` if the id is there already.
    package func insert(_ snapshot: SnapshotRecord) async throws(StoreError) {
        let info = snapshot.info
        try await write { database in
            _ = try database.change(
                """
                INSERT INTO snapshots (id, tenant, project, sandbox, provider, provider_snapshot, kind, name, created_at, deleted_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    info.id.rawValue, snapshot.tenant.rawValue, snapshot.project.rawValue, info.sandbox.rawValue, info.provider.rawValue,
                    snapshot.providerSnapshot, info.kind.rawValue, info.name, info.createdAt.milliseconds,
                    snapshot.deletedAt?.milliseconds,
                ])
        }
    }

    package func snapshot(_ id: SnapshotID) async throws(StoreError) -> SnapshotRecord? {
        try await read { database in
            try database.row("SELECT * FROM snapshots WHERE id = ? AND deleted_at IS NULL", [id.rawValue]).map(SnapshotRow.record)
        }
    }

    package func snapshots(_ query: SnapshotQuery) async throws(StoreError) -> [SnapshotRecord] {
        var conditions = ["deleted_at IS NULL"]
        if query.tenant != nil { conditions.append("tenant = :tenant") }
        if query.sandbox != nil { conditions.append("sandbox = :sandbox") }
        if query.before != nil { conditions.append("id < :before") }
        if query.withoutPrefix != nil { conditions.append("(name IS NULL OR substr(name, 1, length(:prefix)) <> :prefix)") }
        if query.name != nil { conditions.append("name = :name") }
        let sql = "SELECT * FROM snapshots WHERE \(conditions.joined(separator: " AND ")) ORDER BY id DESC LIMIT :limit"
        return try await read { database in
            var arguments: StatementArguments = ["limit": max(0, query.limit)]
            if let tenant = query.tenant { arguments += ["tenant": tenant.rawValue] }
            if let sandbox = query.sandbox { arguments += ["sandbox": sandbox.rawValue] }
            if let before = query.before { arguments += ["before": before.rawValue] }
            if let prefix = query.withoutPrefix { arguments += ["prefix": prefix] }
            if let name = query.name { arguments += ["name": name] }
            return try database.rows(sql, arguments, SnapshotRow.record)
        }
    }

    package func deleteSnapshot(_ id: SnapshotID, at date: Date) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                "UPDATE snapshots SET deleted_at = ? WHERE id = ? AND deleted_at IS NULL", [date.milliseconds, id.rawValue]) == 1
        }
    }
}

/// A row of `snapshots`.
private enum SnapshotRow {
    static func record(_ row: RowReader) throws(StoreError) -> SnapshotRecord {
        let info = SnapshotInfo(
            id: try row.identifier("id"), sandbox: try row.identifier("sandbox"), provider: ProviderID(try row.text("provider")),
            kind: try row.required("kind", SnapshotKind(rawValue: row.text("kind"))), name: try row.textIfAny("name"),
            createdAt: try row.date("created_at"))
        return SnapshotRecord(
            info: info, tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            providerSnapshot: try row.text("provider_snapshot"), deletedAt: try row.dateIfAny("deleted_at"))
    }
}
