/// Measured starts of sandbox clouds: `date, mode, provider, iteration, tti_ms, error`.
package struct StartRecords: Sendable {
    /// How the creates of a day followed each other.
    package enum Mode: String, CaseIterable, Sendable {
        /// Each after the one before had started.
        case sequential
        /// One every 200 ms.
        case staggered
        /// All at once.
        case burst
    }

    /// What one create came to.
    package struct Row: Sendable {
        package var iteration: Int
        /// Until the first command's answer; `nil` if there was none.
        package var start: Microseconds?
        package var error: ErrorClass?
    }

    /// One day in one mode.
    package struct Day: Sendable {
        package var date: String
        package var instant: Microseconds
        /// By the provider's index in ``StartRecords/providers``; none if it was not measured that day.
        package var rows: [[Row]]
        /// How many creates each provider got: one more than the highest iteration.
        package var iterations: Int

        mutating func add(_ row: Row, of provider: Int) {
            rows[provider].append(row)
            iterations = max(iterations, row.iteration + 1)
        }
    }

    /// The classes of errors in the data.
    package enum ErrorClass: String, CaseIterable, Sendable {
        case quota, rateLimited = "rate_limited", auth, notFound = "not_found", server, network, timeout, other
    }

    /// In alphabetical order.
    package let providers: [String]
    package let days: [Mode: [Day]]

    /// - Throws: ``InputError`` for a row that is not of this form, by its line and field.
    package init(csv text: String, file: String) throws(InputError) {
        let table = try CSVTable(text, file: file, requiring: ["date", "mode", "provider", "iteration", "tti_ms", "error"])
        var names: Set<String> = []
        for row in table.rows { names.insert(String(try row.text("provider"))) }
        providers = names.sorted()
        let indices = Dictionary(uniqueKeysWithValues: providers.enumerated().map { ($1, $0) })
        var days: [Mode: [String: Day]] = [:]
        for row in table.rows {
            let date = try row.text("date")
            guard let mode = Mode(rawValue: String(try row.text("mode"))) else {
                throw row.problem("mode", "\"\(try row.text("mode"))\" is none of sequential, staggered and burst")
            }
            let iteration = try row.number("iteration")
            guard iteration < 1_000_000, iteration.rounded() == iteration else {
                throw row.problem("iteration", "is not a small whole number")
            }
            let measured = try StartRecords.measured(row)
            let name = String(date)
            if days[mode]?[name] == nil {
                guard let instant = Timestamp.instant(date) else {
                    throw row.problem("date", "\"\(date)\" is not a date such as 2026-02-21")
                }
                let none = Array(repeating: [Row](), count: providers.count)
                days[mode, default: [:]][name] = Day(date: name, instant: instant, rows: none, iterations: 0)
            }
            let entry = Row(iteration: Int(iteration), start: measured.start, error: measured.error)
            days[mode]?[name]?.add(entry, of: indices[String(try row.text("provider"))] ?? 0)
        }
        self.days = days.mapValues { byDate in byDate.values.sorted { $0.instant < $1.instant } }
    }

    private init(providers: [String], days: [Mode: [Day]]) {
        self.providers = providers
        self.days = days
    }

    /// Records that might as well have been measured: as many days, drawn at random from these, some more than once, in another order, and
    /// now and then without one of the providers. What does well on these days only does not do well on those.
    package func resampled(seed: UInt64) -> StartRecords {
        var stream = ChanceStream(Chance(seed: seed))
        let isKept = providers.map { _ in stream.next().uniform < 0.85 }
        var resampled: [Mode: [Day]] = [:]
        for mode in Mode.allCases {
            guard let measured = days[mode] else { continue }
            resampled[mode] = measured.indices.map { index in
                var day = measured[stream.next().index(below: measured.count)]
                (day.date, day.instant) = (measured[index].date, measured[index].instant)
                // Without the providers that are left out, unless that leaves none.
                let rows = day.rows.enumerated().map { isKept[$0] ? $1 : [] }
                if rows.contains(where: { !$0.isEmpty }) { day.rows = rows }
                return day
            }
        }
        return StartRecords(providers: providers, days: resampled)
    }

    private static func measured(_ row: CSVTable.Row) throws(InputError) -> (start: Microseconds?, error: ErrorClass?) {
        let error = try row.text("error")
        guard error.isEmpty else {
            // A class that is new to us is a failure all the same.
            return (nil, ErrorClass(rawValue: String(error)) ?? .other)
        }
        // Without a time it did not start, whatever the reason was.
        guard try !row.text("tti_ms").isEmpty else { return (nil, .other) }
        return (.milliseconds(try row.number("tti_ms")), nil)
    }
}
