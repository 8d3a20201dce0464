import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A run's end and its bill. Whoever writes it has made sure, in the same transaction, that the run is not settled.
struct Settlement {
    let result: RunResult
    let attempts: [AttemptRecord]
    let date: Date

    func write(to database: Database) throws {
        try check()
        for attempt in attempts {
            try AttemptRow.save(attempt, in: database)
            try database.change(
                "INSERT INTO charges (attempt, run, amount, charged_at) VALUES (?, ?, ?, ?)",
                [attempt.id.rawValue, result.id.rawValue, attempt.charge.nanodollars, date.milliseconds])
        }
        try checkThatNoAttemptIsLeftOut(database)
        guard try RunRow.settle(result, at: date, in: database) else {
            throw StoreError(.corrupt, "\(result.id) can't be settled")
        }
        try LivingSandboxRow.end(result, at: date, in: database)
    }

    private func check() throws(StoreError) {
        guard result.state.isFinal else {
            throw StoreError(.corrupt, "\(result.id) can't be settled while it is \(result.state.rawValue)")
        }
        if let stranger = attempts.first(where: { $0.run != result.id }) {
            throw StoreError(.corrupt, "\(stranger.id) is no attempt of \(result.id)")
        }
        var sum: Int64 = 0
        for attempt in attempts {
            let (next, overflow) = sum.addingReportingOverflow(attempt.charge.nanodollars)
            guard !overflow else { throw StoreError(.corrupt, "the charges of \(result.id) exceed every amount") }
            sum = next
        }
        guard result.cost.nanodollars == sum else {
            throw StoreError(.corrupt, "the cost of \(result.id) is \(result.cost), its charges are \(Money(nanodollars: sum))")
        }
    }

    private func checkThatNoAttemptIsLeftOut(_ database: Database) throws {
        let row = try database.row(
            "SELECT id FROM attempts WHERE run = ? AND id NOT IN (SELECT attempt FROM charges WHERE run = ?) LIMIT 1",
            [result.id.rawValue, result.id.rawValue])
        if let row { throw StoreError(.corrupt, "the settlement of \(result.id) leaves out \(try row.text("id"))") }
    }
}
