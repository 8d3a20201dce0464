import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

extension SQLiteStore {
    package func accept(
        _ run: RunRecord, _ sandbox: LivingSandboxRecord?, _ attempt: AttemptRecord?
    ) async throws(StoreError) -> Acceptance {
        let now = now()
        let rows = RunRow.insertion(run)
        let intent = attempt.map { AttemptRow.insertion($0) }
        return try await write { database in
            if let key = run.request.idempotencyKey {
                if let known = try Idempotency.entry(key, tenant: run.tenant, at: now, in: database) {
                    guard known.fingerprint == run.fingerprint else { return .conflict(known.run) }
                    return .existing(try SQLiteStore.run(known.run, in: database))
                }
                try Idempotency.sweep(before: now, in: database)
            }
            for row in rows { try database.make(row) }
            try Idempotency.remember(run, at: now, in: database)
            if let sandbox { try LivingSandboxRow.insert(sandbox, into: database) }
            if let intent { try database.make(intent) }
            return .accepted
        }
    }

    package func run(idempotencyKey: String, tenant: TenantID) async throws(StoreError) -> RunRecord? {
        let now = now()
        return try await read { database in
            try Idempotency.entry(idempotencyKey, tenant: tenant, at: now, in: database).map { try SQLiteStore.run($0.run, in: database) }
        }
    }

    package func run(_ id: RunID) async throws(StoreError) -> RunRecord? {
        try await read { database in
            try database.row(RunRow.selectWhole + " WHERE runs.id = ?", [id.rawValue]).map(RunRow.record)
        }
    }

    package func runs(_ query: RunQuery) async throws(StoreError) -> [RunRecord] {
        // One fixed text for each combination, so that SQLite picks the index for it.
        var conditions: [String] = []
        if query.tenant != nil { conditions.append("tenant = :tenant") }
        if query.before != nil { conditions.append("id < :before") }
        if query.kinds.count == 1 { conditions.append("kind = :kind") }
        if !query.states.isEmpty { conditions.append("state IN (SELECT value FROM json_each(:states))") }
        let filter = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        let sql = "\(RunRow.select)\(filter) ORDER BY id DESC LIMIT :limit"
        return try await read { database in
            var arguments: StatementArguments = ["limit": max(0, query.limit)]
            if let tenant = query.tenant { arguments += ["tenant": tenant.rawValue] }
            if let before = query.before { arguments += ["before": before.rawValue] }
            if query.kinds.count == 1, let kind = query.kinds.first { arguments += ["kind": kind.rawValue] }
            if !query.states.isEmpty {
                let states = JSONValue.strings(query.states.map(\.rawValue).sorted())
                arguments += ["states": states.encoded]
            }
            return try database.rows(sql, arguments, RunRow.record)
        }
    }

    package func unsettledRuns() async throws(StoreError) -> [RunRecord] {
        try await read { database in
            try database.rows(RunRow.select + " WHERE settled_at IS NULL ORDER BY id", [], RunRow.record)
        }
    }

    /// A run whose state is final, settled or not, keeps its state. A new attempt of a settled run is refused; what is known of an old one
    /// may still be replaced, except its charge.
    ///
    /// - Throws: `corrupt` for a final state, an unknown run, or a new attempt of a settled one, which no correct caller asks for.
    package func save(_ progress: RunProgress, of run: RunID) async throws(StoreError) {
        if let state = progress.state, state.isFinal {
            throw StoreError(.corrupt, "\(run) can become \(state.rawValue) only by being settled")
        }
        guard !progress.isEmpty else { return }
        let rows = progress.events.map { EventRow.insertion($0, of: run) }
        try await write { database in
            if let attempt = progress.attempt { try AttemptRow.save(attempt, in: database) }
            if let state = progress.state { try RunRow.set(state, of: run, in: database) }
            if !rows.isEmpty, progress.attempt == nil, progress.state == nil { _ = try SQLiteStore.isSettled(run, in: database) }
            for row in rows { try database.make(row) }
        }
    }

    /// `attempts` must name every attempt of the run: one that is left out could never be billed.
    ///
    /// - Throws: `corrupt` if the run is unknown, its state is not final, an attempt of the journal is left out, or the cost is
    ///   not the sum of the charges.
    package func settle(_ result: RunResult, attempts: [AttemptRecord], events: [RunEvent]) async throws(StoreError) -> Bool {
        let settlement = try Settlement(result: result, attempts: attempts, events: events, date: now())
        return try await write { database in try settlement.write(to: database) }
    }

    static func run(_ id: RunID, in database: Database) throws -> RunRecord {
        guard let row = try database.row(RunRow.selectWhole + " WHERE runs.id = ?", [id.rawValue]) else {
            throw StoreError(.corrupt, "there is no run \(id)")
        }
        return try RunRow.record(row)
    }

    /// - Throws: `corrupt` if there is no such run.
    static func isSettled(_ id: RunID, in database: Database) throws -> Bool {
        guard let row = try database.row("SELECT settled_at FROM runs WHERE id = ?", [id.rawValue]) else {
            throw StoreError(.corrupt, "there is no run \(id)")
        }
        return try row.integerIfAny("settled_at") != nil
    }
}
