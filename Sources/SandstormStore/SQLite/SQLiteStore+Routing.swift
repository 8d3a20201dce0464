import GRDB
import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

extension SQLiteStore {
    package func routingState() async throws(StoreError) -> [UInt8]? {
        let gateway = gateway.rawValue
        return try await read { database in
            try database.row("SELECT state FROM routing_states WHERE gateway = ?", [gateway]).map { row in try row.bytes("state") }
        }
    }

    package func keep(routingState: [UInt8], at date: Date) async throws(StoreError) {
        let gateway = gateway.rawValue
        try await write { database in
            _ = try database.change(
                """
                INSERT INTO routing_states (gateway, saved_at, state) VALUES (?, ?, ?)
                ON CONFLICT (gateway) DO UPDATE SET saved_at = excluded.saved_at, state = excluded.state
                """,
                [gateway, date.milliseconds, Data(routingState)])
        }
    }
}
