import GRDB
import SandstormCore

extension SQLiteStore {
    package func keep(_ changes: [PriceChangeRecord], of feed: PriceFeedRecord?) async throws(StoreError) -> Bool {
        let rows = changes.map { change in
            Change(
                "INSERT INTO price_changes (at, layer, entry, reason, document) VALUES (?, ?, ?, ?, ?)",
                [change.at.milliseconds, change.layer, change.entry, change.reason, change.document?.encoded])
        }
        return try await write { database in
            if let feed {
                let isNew = try database.change(
                    """
                    INSERT INTO price_feeds (key, serial, digest, expires_at, accepted_at) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (key) DO UPDATE SET serial = excluded.serial, digest = excluded.digest, expires_at = excluded.expires_at,
                        accepted_at = excluded.accepted_at
                    WHERE excluded.serial > serial
                    """,
                    [feed.key, feed.serial, feed.digest.blob, feed.expiresAt.milliseconds, feed.acceptedAt.milliseconds])
                guard isNew == 1 else { return false }
            }
            for row in rows { try database.make(row) }
            return true
        }
    }

    package func priceChanges() async throws(StoreError) -> [PriceChangeRecord] {
        try await read { database in
            try database.rows("SELECT * FROM price_changes ORDER BY sequence", []) { row in
                PriceChangeRecord(
                    at: try row.date("at"), layer: try row.text("layer"), entry: try row.text("entry"),
                    document: try row.jsonIfAny("document"), reason: try row.text("reason"))
            }
        }
    }

    package func priceFeed(key: String) async throws(StoreError) -> PriceFeedRecord? {
        try await read { database in
            try database.row("SELECT * FROM price_feeds WHERE key = ?", [key]).map { row in
                PriceFeedRecord(
                    key: try row.text("key"), serial: try row.integer("serial"), digest: try row.bytes("digest"),
                    expiresAt: try row.date("expires_at"), acceptedAt: try row.date("accepted_at"))
            }
        }
    }
}
