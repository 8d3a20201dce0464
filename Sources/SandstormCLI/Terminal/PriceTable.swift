import Sandstorm

/// Prices for people.
struct PriceTable {
    private let table: Table
    /// What does not fit into a cell.
    private let notes: [String]

    init(_ prices: [PriceInfo], for duration: Duration) {
        var table = Table(
            "offer", "account", "region", "isolation", "cost for \(duration.display)", "by the list", "per hour", "price is", "age",
            "starts after"
        )
        for price in prices {
            table.add(
                price.offer.id, price.offer.account, price.offer.region ?? "-", price.isConfigured ? price.offer.isolation.rawValue : "-",
                price.cost?.description ?? "unknown", price.listCost?.description ?? "unknown", price.hourlyCost?.description ?? "unknown",
                PriceTable.certainty(price), price.freshness.age.map(PriceTable.age) ?? "-",
                price.isConfigured ? price.offer.startLatency.display : "-")
        }
        self.table = table
        notes = prices.compactMap { price in
            price.freshness.detail.map { (price.cost == nil ? $0 : "\(price.offer.id): not refreshed: \($0)").printable }
        }
    }

    /// The table, and below it why prices are not known or could not be refreshed.
    var text: String { table.text + (notes.isEmpty ? "" : "\n" + notes.joined(separator: "\n") + "\n") }

    /// The table with no line longer than a terminal is wide, so that each takes one of its lines.
    func text(within columns: Int?) -> String {
        guard let columns, columns > 0 else { return text }
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { $0.prefix(columns) }.joined(separator: "\n")
    }

    /// How far the price can be believed, and who says so.
    private static func certainty(_ price: PriceInfo) -> String {
        let freshness = price.freshness
        guard price.cost != nil else { return "not known" }
        let origin = freshness.origin == "shipped" || freshness.origin == freshness.certainty ? "" : " (\(freshness.origin))"
        let rounding = freshness.isRoundingUncertain && freshness.certainty != "uncertain" ? ", rounding uncertain" : ""
        return freshness.certainty + origin + rounding + (freshness.isStale ? ", out of date" : "")
            + (freshness.detail == nil ? "" : ", not refreshed")
    }

    /// The largest unit that fits: prices are days and months old.
    static func age(_ age: Duration) -> String {
        let days = age.wholeMilliseconds / 86_400_000
        return days > 0 ? "\(days) d" : age.display
    }

    /// What is different in one offer.
    struct Change {
        var text: String
        var json: JSONValue
    }

    /// What has changed from one answer to the next, a line each.
    static func changes(from earlier: [PriceInfo], to later: [PriceInfo]) -> [Change] {
        func key(_ price: PriceInfo) -> [String] { [price.offer.id, price.offer.account, price.offer.region ?? ""] }
        func name(_ price: PriceInfo) -> String { price.offer.id.printable }
        let before = Dictionary(earlier.map { (key($0), $0) }, uniquingKeysWith: { first, _ in first })
        let after = Set(later.map(key))
        var changes: [Change] = []
        for price in later {
            let now = "\(price.cost?.description ?? "unknown") (\(certainty(price).printable))"
            guard let old = before[key(price)] else {
                changes.append(Change(text: "\(name(price)) is new: \(now)", json: ["change": "new", "price": price.json]))
                continue
            }
            let was = "\(old.cost?.description ?? "unknown") (\(certainty(old).printable))"
            // A price grows older all the time, which is no change.
            guard was != now || old.listCost != price.listCost else { continue }
            changes.append(
                Change(text: "\(name(price)): \(was) → \(now)", json: ["change": "changed", "before": old.json, "price": price.json]))
        }
        for price in earlier where !after.contains(key(price)) {
            changes.append(Change(text: "\(name(price)) is gone", json: ["change": "gone", "price": price.json]))
        }
        return changes
    }
}
