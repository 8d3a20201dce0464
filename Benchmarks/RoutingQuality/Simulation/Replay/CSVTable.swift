/// The rows of a CSV file, by the names in its first line. Quotes are not understood, since no format that is read here has them.
package struct CSVTable {
    /// One row, with what is needed to complain about it.
    package struct Row {
        package let line: Int
        let file: String
        let columns: [String: Int]
        let values: [Substring]

        /// - Throws: ``InputError`` if there is no such column, or the row is too short for it.
        package func text(_ field: String) throws(InputError) -> Substring {
            guard let value = optionalText(field) else { throw InputError(file, line: line, field: field, "is missing") }
            return value
        }

        package func optionalText(_ field: String) -> Substring? {
            guard let index = columns[field], index < values.count else { return nil }
            return values[index]
        }

        /// - Throws: ``InputError`` unless the field is a number that is not negative.
        package func number(_ field: String) throws(InputError) -> Double {
            let text = try text(field)
            guard let value = Double(text), value.isFinite, value >= 0 else {
                throw problem(field, "\"\(text)\" is not a number that is zero or more")
            }
            return value
        }

        package func problem(_ field: String, _ text: String) -> InputError { InputError(file, line: line, field: field, text) }
    }

    package let columns: [String]
    package let rows: [Row]

    /// - Parameter file: its name, for complaints.
    /// - Throws: ``InputError`` if it is empty or a required column is missing.
    package init(_ text: String, file: String, requiring required: [String] = []) throws(InputError) {
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        guard let header = lines.first, !header.isEmpty else { throw InputError("\(file) is empty") }
        let columns = header.split(separator: ",", omittingEmptySubsequences: false).map { String($0.drop { $0 == "\u{FEFF}" }) }
        self.columns = columns
        if let missing = required.first(where: { !columns.contains($0) }) {
            throw InputError(file, line: 1, field: missing, "there is no such column; there are \(columns.joined(separator: ", "))")
        }
        let indices = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: min)
        rows = lines.enumerated().dropFirst().compactMap { number, line in
            guard !line.isEmpty else { return nil }
            let values = line.split(separator: ",", omittingEmptySubsequences: false)
            return Row(line: number + 1, file: file, columns: indices, values: values)
        }
    }
}

/// Instants as traces write them.
package enum Timestamp {
    /// Reads `2023-11-16 18:17:03.9799600`, the same with a `T` and a `Z`, or a date alone; UTC.
    package static func instant(_ text: Substring) -> Microseconds? {
        let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == " " || $0 == "T" }
        guard let first = parts.first, let days = days(first) else { return nil }
        guard parts.count > 1 else { return days * 86_400_000_000 }
        let clock = (parts[1].last == "Z" ? parts[1].dropLast() : parts[1]).split(separator: ":", omittingEmptySubsequences: false)
        guard clock.count == 3, let hour = Int64(clock[0]), let minute = Int64(clock[1]), let second = Double(clock[2]),
            (0..<24).contains(hour), (0..<60).contains(minute), (0..<61).contains(second)
        else { return nil }
        return days * 86_400_000_000 + hour * 3_600_000_000 + minute * 60_000_000 + .seconds(second)
    }

    /// Days since 1970 of a date in the Gregorian calendar, reckoned in years that begin in March.
    private static func days(_ text: Substring) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = Int64(parts[0]), let month = Int64(parts[1]), let day = Int64(parts[2]),
            (1970...9999).contains(year), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let shifted = month > 2 ? year : year - 1
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
