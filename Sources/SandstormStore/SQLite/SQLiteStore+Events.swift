import GRDB
package import SandstormCore

extension SQLiteStore {
    /// Output is kept as its bytes, every other event as its JSON.
    ///
    /// - Throws: `corrupt` if the run is unknown.
    package func append(_ events: [RunEvent], to run: RunID) async throws(StoreError) {
        guard !events.isEmpty else { return }
        try await write { database in
            for event in events { try EventRow.insert(event, of: run, into: database) }
        }
    }

    package func events(of run: RunID, after sequence: Int, limit: Int) async throws(StoreError) -> [RunEvent] {
        try await read { database in
            try database.rows(
                "SELECT sequence, time, name, data, output FROM events WHERE run = ? AND sequence > ? ORDER BY sequence LIMIT ?",
                [run.rawValue, sequence, max(0, limit)], EventRow.event)
        }
    }
}

/// A row of `events`.
private enum EventRow {
    static func insert(_ event: RunEvent, of run: RunID, into database: Database) throws {
        var data: String?
        var output: [UInt8] = []
        switch event.body {
        case .stdout(let bytes), .stderr(let bytes): output = bytes
        case .accepted, .decision, .started, .exited, .settled: data = event.data.encoded
        }
        try database.change(
            """
            INSERT INTO events (run, sequence, time, name, data, output) VALUES (?, ?, ?, ?, ?, ?)
            ON CONFLICT (run, sequence) DO NOTHING
            """, [run.rawValue, event.sequence, event.time.milliseconds, event.name, data, output.blob])
    }

    static func event(_ row: RowReader) throws(StoreError) -> RunEvent {
        let sequence = try row.required("sequence", Int(exactly: row.integer("sequence")))
        let time = try row.date("time")
        switch try row.text("name") {
        case "stdout": return RunEvent(sequence: sequence, time: time, body: .stdout(try row.bytes("output")))
        case "stderr": return RunEvent(sequence: sequence, time: time, body: .stderr(try row.bytes("output")))
        case let name:
            var event = try row.required("data", RunEvent(sequence: sequence, name: name, data: row.json("data")))
            // The JSON of `settled` holds none.
            event.time = time
            return event
        }
    }
}
