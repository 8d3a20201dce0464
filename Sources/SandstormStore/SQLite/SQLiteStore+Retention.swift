import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    /// Removes the events of runs that were settled before `date`. Runs, attempts and charges stay.
    ///
    /// Works in small transactions, so that other writes get in between.
    ///
    /// - Returns: how many events were removed.
    @discardableResult
    package func pruneEvents(settledBefore date: Date) async throws(StoreError) -> Int {
        var total = 0
        while let removed = try await write({ try SQLiteStore.pruneSome(settledBefore: date, in: $0) }) { total += removed }
        return total
    }

    /// Removes up to 1000 events of one run; `nil` if there is no run left to prune.
    private static func pruneSome(settledBefore date: Date, in database: Database) throws -> Int? {
        let oldest = try database.row(
            "SELECT id FROM runs WHERE events_kept = 1 AND settled_at < ? ORDER BY settled_at LIMIT 1", [date.milliseconds])
        guard let run = try oldest?.text("id") else { return nil }
        let removed = try database.change(
            """
            DELETE FROM events
            WHERE run = ?1 AND sequence IN (SELECT sequence FROM events WHERE run = ?1 ORDER BY sequence LIMIT 1000)
            """, [run])
        if removed < 1000 { try database.change("UPDATE runs SET events_kept = 0 WHERE id = ?", [run]) }
        return removed
    }
}
