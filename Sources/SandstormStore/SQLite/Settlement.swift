import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A run's end, its bill and its last events.
struct Settlement: Sendable {
    private struct Bill {
        let attempt: AttemptRecord
        let update: Change
        let charge: Change
    }

    private let run: RunID
    private let settling: Change
    private let bills: [Bill]
    private let end: Change
    private let events: [Change]

    /// - Throws: `corrupt` for a state that is not final, another run's attempt, or a cost that is not the sum of the charges.
    init(result: RunResult, attempts: [AttemptRecord], events: [RunEvent], date: Date) throws(StoreError) {
        try Settlement.check(result, attempts)
        run = result.id
        settling = RunRow.settling(result, at: date)
        bills = attempts.map { attempt in
            Bill(
                attempt: attempt, update: AttemptRow.update(attempt),
                charge: Change(
                    "INSERT INTO charges (attempt, run, amount, charged_at) VALUES (?, ?, ?, ?)",
                    [attempt.id.rawValue, result.id.rawValue, attempt.charge.nanodollars, date.milliseconds]))
        }
        end = LivingSandboxRow.end(result, at: date)
        self.events = events.map { EventRow.insertion($0, of: result.id) }
    }

    /// - Returns: `false`, with nothing written, if the run was settled before.
    /// - Throws: `corrupt` if the run is unknown or an attempt of the journal is left out.
    func write(to database: Database) throws -> Bool {
        guard try database.make(settling) == 1 else {
            guard try SQLiteStore.isSettled(run, in: database) else { throw StoreError(.corrupt, "\(run) can't be settled") }
            return false
        }
        for bill in bills {
            if try database.make(bill.update) == 0 { try database.make(AttemptRow.insertion(bill.attempt)) }
            try database.make(bill.charge)
        }
        try checkThatNoAttemptIsLeftOut(database)
        try database.make(end)
        for event in events { try database.make(event) }
        return true
    }

    private static func check(_ result: RunResult, _ attempts: [AttemptRecord]) throws(StoreError) {
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
            [run.rawValue, run.rawValue])
        if let row { throw StoreError(.corrupt, "the settlement of \(run) leaves out \(try row.text("id"))") }
    }
}
