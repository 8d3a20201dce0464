package import SandstormCore

/// What a price feed publishes: a document of prices with a number and the time for which it holds.
///
/// `{"serial": 12, "issuedAt": "…", "expiresAt": "…", "entries": {…}}`, the entries as in ``PriceBook``.
package struct PriceFeedDocument: Hashable, Sendable {
    /// Greater than that of every document before it.
    package var serial: Int64
    package var issuedAt: PriceDate
    package var expiresAt: PriceDate
    /// As they are written.
    package var documents: [PriceID: JSONValue]

    /// - Throws: ``InvalidRequest`` with every problem, those of entries included.
    package init(json: JSONValue) throws(InvalidRequest) {
        var reader = JSONReader(json, at: "")
        let serial = reader.integer("serial", in: 1...9_007_199_254_740_991, unit: "documents")
        let issuedAt = PriceFeedDocument.date("issuedAt", &reader)
        let expiresAt = PriceFeedDocument.date("expiresAt", &reader)
        var documents: [PriceID: JSONValue] = [:]
        if let value = reader.value("entries") {
            do throws(InvalidRequest) {
                let standard = PriceProvenance("the feed", read: issuedAt, certainty: .published)
                documents = try PriceBook.checkedDocuments(value, at: "/entries", standard: standard)
            } catch {
                reader.merge(error.problems)
            }
        }
        for (key, isMissing) in [
            ("serial", serial == nil), ("issuedAt", issuedAt == nil), ("expiresAt", expiresAt == nil), ("entries", json["entries"] == nil),
        ] where isMissing && !reader.problems.contains(where: { $0.pointer == "/\(key)" }) {
            reader.report(key, "is missing", remedy: "publish it with every document")
        }
        let problems = reader.finish()
        guard let serial, let issuedAt, let expiresAt, problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.serial = Int64(serial)
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.documents = documents
    }

    private static func date(_ key: String, _ reader: inout JSONReader) -> PriceDate? {
        reader.read(key, "is no instant", remedy: "write it in UTC, such as 2026-11-21T09:30:00Z") { value in
            value.stringValue.flatMap(PriceDate.init)
        }
    }
}
