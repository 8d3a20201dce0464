import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension SQLiteStore {
    package func insert(_ volume: VolumeRecord) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                """
                INSERT INTO volumes (id, tenant, project, name, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant, name) DO NOTHING
                """,
                [
                    volume.id.rawValue, volume.tenant.rawValue, volume.project.rawValue, volume.name, volume.createdAt.milliseconds,
                ]) == 1
        }
    }

    package func volume(_ id: VolumeID) async throws(StoreError) -> VolumeRecord? {
        try await read { database in try database.row("SELECT * FROM volumes WHERE id = ?", [id.rawValue]).map(VolumeRow.record) }
    }

    package func volumes(tenant: TenantID) async throws(StoreError) -> [VolumeRecord] {
        try await read { database in
            try database.rows("SELECT * FROM volumes WHERE tenant = ? ORDER BY id DESC", [tenant.rawValue], VolumeRow.record)
        }
    }

    package func deleteVolume(_ id: VolumeID) async throws(StoreError) -> Bool {
        try await write { database in try database.change("DELETE FROM volumes WHERE id = ?", [id.rawValue]) == 1 }
    }
}

/// A row of `volumes`.
private enum VolumeRow {
    static func record(_ row: RowReader) throws(StoreError) -> VolumeRecord {
        VolumeRecord(
            id: try row.identifier("id"), tenant: try row.identifier("tenant"), project: try row.identifier("project"),
            name: try row.text("name"), createdAt: try row.date("created_at"))
    }
}
