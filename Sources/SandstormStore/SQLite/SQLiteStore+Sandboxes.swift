import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    /// - Throws: `corrupt` for the state `ended`, which only settling writes.
    package func save(_ sandbox: LivingSandboxRecord, attemptUntil: Date?) async throws(StoreError) -> Bool {
        guard sandbox.info.state != .ended else {
            throw StoreError(.corrupt, "\(sandbox.info.id) can end only by its run's being settled")
        }
        return try await write { database in
            guard try LivingSandboxRow.update(sandbox, in: database) else { return false }
            if let attemptUntil { try SQLiteStore.renewAttempts(of: sandbox.info.id, until: attemptUntil, in: database) }
            return true
        }
    }

    package func set(_ attributes: JSONObject, of sandbox: SandboxID) async throws(StoreError) -> Bool {
        let encoded = LivingSandboxRow.encoded(attributes)
        return try await write { database in
            try database.change(
                "UPDATE sandboxes SET attributes = ? WHERE id = ? AND state <> 'ended'", [encoded, sandbox.rawValue]) == 1
        }
    }

    private static func renewAttempts(of sandbox: SandboxID, until lease: Date, in database: Database) throws {
        try database.change(
            "UPDATE attempts SET lease_until = ? WHERE run = (SELECT run FROM sandboxes WHERE id = ?) AND ended_at IS NULL",
            [lease.milliseconds, sandbox.rawValue])
    }

    package func renew(_ sandbox: SandboxID, until lease: Date, attemptUntil: Date) async throws(StoreError) -> Bool {
        try await write { database in
            let changed = try database.change(
                "UPDATE sandboxes SET lease_until = ? WHERE id = ? AND state <> 'ended'", [lease.milliseconds, sandbox.rawValue])
            guard changed == 1 else { return false }
            try SQLiteStore.renewAttempts(of: sandbox, until: attemptUntil, in: database)
            return true
        }
    }

    package func sandbox(_ id: SandboxID) async throws(StoreError) -> LivingSandboxRecord? {
        try await read { database in
            try database.row(LivingSandboxRow.select + " WHERE id = ?", [id.rawValue]).map(LivingSandboxRow.record)
        }
    }

    package func sandbox(of run: RunID) async throws(StoreError) -> LivingSandboxRecord? {
        try await read { database in
            try database.row(LivingSandboxRow.select + " WHERE run = ?", [run.rawValue]).map(LivingSandboxRow.record)
        }
    }

    package func sandboxes(_ query: SandboxQuery) async throws(StoreError) -> [LivingSandboxRecord] {
        let order = query.order == .newestFirst ? "DESC" : "ASC"
        let sql = "\(LivingSandboxRow.select)\(SandboxFilter.condition(of: query)) ORDER BY id \(order) LIMIT :limit"
        return try await read { database in
            let arguments = SandboxFilter.arguments(of: query) + ["limit": max(0, query.limit)]
            return try database.rows(sql, arguments, LivingSandboxRow.record)
        }
    }

    package func sandboxCount(_ query: SandboxQuery) async throws(StoreError) -> Int {
        var query = query
        query.before = nil
        query.after = nil
        return try await read { [query] database in
            let row = try database.row(
                "SELECT count(*) AS number FROM sandboxes\(SandboxFilter.condition(of: query))", SandboxFilter.arguments(of: query))
            return Int(try row?.integer("number") ?? 0)
        }
    }

    package func sandboxLives(tenant: TenantID, from start: Date, to end: Date) async throws(StoreError) -> [SandboxLife] {
        try await read { database in
            try database.rows(
                """
                SELECT created_at, ended_at FROM sandboxes WHERE tenant = ? AND created_at < ? AND (ended_at IS NULL OR ended_at >= ?)
                ORDER BY created_at
                """, [tenant.rawValue, end.milliseconds, start.milliseconds]
            ) { SandboxLife(createdAt: try $0.date("created_at"), endedAt: try $0.dateIfAny("ended_at")) }
        }
    }

    package func hand(_ run: RunID, from owner: String, to newOwner: String) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                "UPDATE runs SET owner = ? WHERE id = ? AND owner = ? AND settled_at IS NULL", [newOwner, run.rawValue, owner]) == 1
        }
    }
}
