import GRDB

/// A statement with its values. Made before the writer's turn, since encoding JSON there would hold up everybody.
struct Change: Sendable {
    let sql: String
    let arguments: StatementArguments

    /// - Parameter arguments: one for each `?`, in their order: names would be looked up at each execution.
    init(_ sql: String, _ arguments: StatementArguments) {
        self.sql = sql
        self.arguments = arguments
    }
}

/// SQL that is written out, prepared once per connection and kept. Values are bound, never spliced in.
extension Database {
    /// Runs a statement that changes rows.
    ///
    /// - Returns: how many rows it inserted, updated or deleted.
    @discardableResult
    func change(_ sql: String, _ arguments: StatementArguments = []) throws -> Int {
        try cachedStatement(sql: sql).execute(arguments: arguments)
        return changesCount
    }

    @discardableResult
    func make(_ change: Change) throws -> Int { try self.change(change.sql, change.arguments) }

    /// The first row of a result.
    func row(_ sql: String, _ arguments: StatementArguments = []) throws -> RowReader? {
        try Row.fetchOne(cachedStatement(sql: sql), arguments: arguments).map(RowReader.init)
    }

    /// All rows of a result, each made into a value as soon as it is read.
    func rows<Value>(
        _ sql: String, _ arguments: StatementArguments = [], _ transform: (RowReader) throws -> Value
    ) throws -> [Value] {
        let cursor = try Row.fetchCursor(cachedStatement(sql: sql), arguments: arguments)
        var values: [Value] = []
        while let row = try cursor.next() { values.append(try transform(RowReader(row))) }
        return values
    }
}
