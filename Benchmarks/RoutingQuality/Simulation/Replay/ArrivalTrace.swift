/// When requests come: a recorded trace.
///
/// Two forms are read: `timestamp, class, duration` (class and duration may be missing), and the public traces of a language model's
/// requests (`TIMESTAMP, ContextTokens, GeneratedTokens`), where the length of the answer stands for the length of the run.
package struct ArrivalTrace: Sendable {
    package struct Arrival: Sendable {
        /// Since the trace's first.
        package var offset: Microseconds
        package var workload: String
        /// If the trace says so.
        package var duration: Microseconds?
    }

    /// In the order of their times.
    package let arrivals: [Arrival]

    /// - Throws: ``InputError`` for a row that is not of this form, by its line and field.
    package init(csv text: String, file: String) throws(InputError) {
        let table = try CSVTable(text, file: file)
        let isPublicTrace = table.columns.contains("TIMESTAMP")
        let timeField = isPublicTrace ? "TIMESTAMP" : "timestamp"
        guard table.columns.contains(timeField) else {
            throw InputError(
                file, line: 1, field: "timestamp", "there is no such column; there are \(table.columns.joined(separator: ", "))")
        }
        var found: [(instant: Microseconds, arrival: Arrival)] = []
        for row in table.rows {
            let text = try row.text(timeField)
            // A bare number is seconds.
            let seconds = Double(text).flatMap { $0.isFinite && abs($0) < 1e12 ? $0 : nil }
            guard let instant = Timestamp.instant(text) ?? seconds.map({ .seconds($0) }) else {
                throw row.problem(timeField, "\"\(text)\" is neither a time such as 2023-11-16 18:17:03.97 nor a number of seconds")
            }
            var arrival = Arrival(offset: 0, workload: "run", duration: nil)
            if isPublicTrace {
                // 20 ms a token: what models of that time took.
                arrival.workload = try row.number("ContextTokens") < 2048 ? "short context" : "long context"
                arrival.duration = .milliseconds(max(1, try row.number("GeneratedTokens")) * 20)
            } else {
                if let name = row.optionalText("class"), !name.isEmpty { arrival.workload = String(name) }
                if let duration = row.optionalText("duration"), !duration.isEmpty {
                    arrival.duration = .seconds(try row.number("duration"))
                }
            }
            found.append((instant, arrival))
        }
        guard let first = found.map(\.instant).min() else { throw InputError("\(file) has no arrivals") }
        arrivals = found.sorted { $0.instant < $1.instant }.map { instant, arrival in
            var arrival = arrival
            arrival.offset = instant - first
            return arrival
        }
    }
}
