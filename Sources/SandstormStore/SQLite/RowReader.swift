import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Reads one row of a result. What has not the expected form is `corrupt`, and the message names the column.
///
/// GRDB's own subscripts trap in that case; what is in a file on a disk must not end the process. Columns that the
/// query left out read as absent.
struct RowReader {
    private let row: Row

    init(_ row: Row) { self.row = row }

    func text(_ column: String) throws(StoreError) -> String { try required(column, textIfAny(column)) }
    func integer(_ column: String) throws(StoreError) -> Int64 { try required(column, integerIfAny(column)) }
    func date(_ column: String) throws(StoreError) -> Date { Date(milliseconds: try integer(column)) }
    func money(_ column: String) throws(StoreError) -> Money { Money(nanodollars: try integer(column)) }

    func textIfAny(_ column: String) throws(StoreError) -> String? { try value(column) }
    func integerIfAny(_ column: String) throws(StoreError) -> Int64? { try value(column) }
    func dateIfAny(_ column: String) throws(StoreError) -> Date? { try integerIfAny(column).map { Date(milliseconds: $0) } }
    func durationIfAny(_ column: String) throws(StoreError) -> Duration? { try integerIfAny(column).map { .milliseconds($0) } }

    /// The bytes; none for NULL.
    func bytes(_ column: String) throws(StoreError) -> [UInt8] {
        let data: Data? = try value(column)
        return data.map { Array($0) } ?? []
    }

    func identifier<Kind>(_ column: String) throws(StoreError) -> Identifier<Kind> {
        try required(column, identifierIfAny(column))
    }

    func identifierIfAny<Kind>(_ column: String) throws(StoreError) -> Identifier<Kind>? {
        guard let text = try textIfAny(column) else { return nil }
        return try required(column, Identifier<Kind>(text))
    }

    func json(_ column: String) throws(StoreError) -> JSONValue { try required(column, jsonIfAny(column)) }

    func jsonIfAny(_ column: String) throws(StoreError) -> JSONValue? {
        guard let text = try textIfAny(column) else { return nil }
        do throws(JSONSyntaxError) { return try JSONValue(parsing: text) } catch {
            throw StoreError(.corrupt, "column \(column): \(error)")
        }
    }

    /// The members of an object whose values are all texts.
    func labels(_ column: String) throws(StoreError) -> [String: String] {
        var labels: [String: String] = [:]
        for member in try required(column, json(column).objectValue).members { labels[member.key] = member.value.stringValue }
        return labels
    }

    /// `value`, which was made from a column that must have one.
    func required<Value>(_ column: String, _ value: Value?) throws(StoreError) -> Value {
        guard let value else { throw StoreError(.corrupt, "column \(column) does not have the expected form") }
        return value
    }

    private func value<Value: DatabaseValueConvertible>(_ column: String) throws(StoreError) -> Value? {
        let stored: DatabaseValue? = row[column]
        guard let stored, !stored.isNull else { return nil }
        return try required(column, Value.fromDatabaseValue(stored))
    }
}

extension Date {
    /// Milliseconds since 1970, rounded to the nearest.
    var milliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

extension [UInt8] {
    /// The bytes as a statement's argument; NULL for none, which is what SQLite makes of an empty `Data` anyway.
    var blob: Data? { isEmpty ? nil : Data(self) }
}
