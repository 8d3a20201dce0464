import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    /// - Throws: `corrupt` for the state `ended`, which only settling writes.
    package func save(_ sandbox: LivingSandboxRecord) async throws(StoreError) -> Bool {
        guard sandbox.info.state != .ended else {
            throw StoreError(.corrupt, "\(sandbox.info.id) can end only by its run's being settled")
        }
        return try await write { database in try LivingSandboxRow.update(sandbox, in: database) }
    }

    package func renew(_ sandbox: SandboxID, until lease: Date, attemptUntil: Date) async throws(StoreError) -> Bool {
        try await write { database in
            let changed = try database.change(
                "UPDATE sandboxes SET lease_until = ? WHERE id = ? AND state <> 'ended'", [lease.milliseconds, sandbox.rawValue])
            guard changed == 1 else { return false }
            try database.change(
                "UPDATE attempts SET lease_until = ? WHERE run = (SELECT run FROM sandboxes WHERE id = ?) AND ended_at IS NULL",
                [attemptUntil.milliseconds, sandbox.rawValue])
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
        var conditions: [String] = []
        if query.tenant != nil { conditions.append("tenant = :tenant") }
        if query.before != nil { conditions.append("id < :before") }
        if !query.states.isEmpty { conditions.append("state IN (SELECT value FROM json_each(:states))") }
        if !query.metadata.isEmpty {
            // Every label that is asked for is among the sandbox's, with the same value.
            conditions.append(
                """
                NOT EXISTS (SELECT 1 FROM json_each(:metadata) AS wanted WHERE NOT EXISTS (SELECT 1 FROM json_each(sandboxes.metadata) \
                AS label WHERE label.key = wanted.key AND label.value = wanted.value))
                """)
        }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let sql = "\(LivingSandboxRow.select)\(filter) ORDER BY id DESC LIMIT :limit"
        return try await read { database in
            var arguments: StatementArguments = ["limit": max(0, query.limit)]
            if let tenant = query.tenant { arguments += ["tenant": tenant.rawValue] }
            if let before = query.before { arguments += ["before": before.rawValue] }
            if !query.states.isEmpty { arguments += ["states": JSONValue.strings(query.states.map(\.rawValue).sorted()).encoded] }
            if !query.metadata.isEmpty { arguments += ["metadata": query.metadata.json.encoded] }
            return try database.rows(sql, arguments, LivingSandboxRow.record)
        }
    }

    package func hand(_ run: RunID, from owner: String, to newOwner: String) async throws(StoreError) -> Bool {
        try await write { database in
            try database.change(
                "UPDATE runs SET owner = ? WHERE id = ? AND owner = ? AND settled_at IS NULL", [newOwner, run.rawValue, owner]) == 1
        }
    }
}
