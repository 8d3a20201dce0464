/// Rows of text in columns as wide as they need to be. What comes from servers can't steer the terminal.
struct Table {
    private var rows: [[String]]

    /// A table without headings.
    init() { rows = [] }

    init(_ headings: String...) { rows = [headings.map { $0.uppercased() }] }

    mutating func add(_ cells: String...) { rows.append(cells.map(\.printable)) }

    /// The table with a line break after each row; the last column is not padded.
    var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
            }.joined(separator: "  ") + "\n"
        }.joined()
    }
}
