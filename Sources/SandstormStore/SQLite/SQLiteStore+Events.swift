import GRDB
package import SandstormCore

extension SQLiteStore {
    package func events(of run: RunID, after sequence: Int, limit: Int) async throws(StoreError) -> [RunEvent] {
        try await read { database in
            var result: RunResult?
            return try database.rows(
                """
                SELECT sequence, time, name, data, output FROM events
                WHERE run = ?1 AND (sequence > ?2 OR (name = 'settled' AND sequence < ?2)) ORDER BY sequence LIMIT ?3
                """, [run.rawValue, sequence, max(0, limit)]
            ) { row in
                try EventRow.event(row) {
                    let known = try result ?? SQLiteStore.result(of: run, in: database)
                    result = known
                    return known
                }
            }
        }
    }

    /// What has become of a run, with its decision and without its outputs.
    private static func result(of run: RunID, in database: Database) throws -> RunResult {
        guard let row = try database.row(RunRow.selectResult + " WHERE id = ?", [run.rawValue]) else {
            throw StoreError(.corrupt, "there is no run \(run)")
        }
        return try RunRow.result(row)
    }
}

/// A row of `events`: output is kept as its bytes, a decision and a settlement by their run's row, every other event as its JSON.
enum EventRow {
    static func insertion(_ event: RunEvent, of run: RunID) -> Change {
        var data: String?
        var output: [UInt8] = []
        switch event.body {
        case .stdout(let bytes), .stderr(let bytes): output = bytes
        case .decision, .settled: break
        case .accepted, .queued, .attemptFailed, .hedged, .started, .exited: data = event.data.encoded
        }
        return Change(
            """
            INSERT INTO events (run, sequence, time, name, data, output) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (run, sequence) DO NOTHING
            """, [run.rawValue, event.sequence, event.time.milliseconds, event.name, data, output.blob])
    }

    /// - Parameter result: what has become of the run.
    static func event(_ row: RowReader, _ result: () throws -> RunResult) throws -> RunEvent {
        let sequence = try row.required("sequence", Int(exactly: row.integer("sequence")))
        let time = try row.date("time")
        let name = try row.text("name")
        switch (name, try row.jsonIfAny("data")) {
        case ("stdout", _): return RunEvent(sequence: sequence, time: time, body: .stdout(try row.bytes("output")))
        case ("stderr", _): return RunEvent(sequence: sequence, time: time, body: .stderr(try row.bytes("output")))
        case ("decision", nil):
            let decision = try row.required("decision", try result().decision)
            return RunEvent(sequence: sequence, time: time, body: .decision(decision))
        case ("settled", nil): return RunEvent(sequence: sequence, time: time, body: .settled(try result()))
        case (_, let data):
            var event = try row.required("data", data.flatMap { RunEvent(sequence: sequence, name: name, data: $0) })
            // The JSON of `settled` holds none.
            event.time = time
            return event
        }
    }
}
