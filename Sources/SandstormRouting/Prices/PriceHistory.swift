package import SandstormCore

/// Where prices come from. A later one covers what earlier ones say of the same entry.
package enum PriceLayer: String, Hashable, Sendable, CaseIterable {
    /// Came with this version of Sandstorm.
    case shipped
    /// A signed feed.
    case feed
    /// The provider's own rates call.
    case rates
    /// The operator's configuration.
    case configuration

    fileprivate var rank: Int { PriceLayer.allCases.firstIndex(of: self) ?? 0 }
}

/// One entry of one layer changed, at one time.
package struct PriceRecord: Hashable, Sendable {
    package var at: Moment
    package var layer: PriceLayer
    package var entry: PriceID
    /// The whole entry from then on; `null` if there is to be none, whatever the layers below say; `nil` if the layer says nothing of it
    /// any more.
    package var document: JSONValue?
    /// What brought the change, in words.
    package var reason: String

    package init(at: Moment, layer: PriceLayer, entry: PriceID, document: JSONValue?, reason: String) {
        self.at = at
        self.layer = layer
        self.entry = entry
        self.document = document
        self.reason = reason
    }
}

/// Every change of prices in its order, so that what was charged at any time can be worked out again exactly.
///
/// Records are only ever added. ``book(at:)`` gives the prices of a moment, ``current`` those of now.
package struct PriceHistory: Sendable {
    package private(set) var records: [PriceRecord] = []
    /// The prices after all changes.
    package private(set) var current = PriceBook()
    /// By entry, the change that is in force.
    package private(set) var inForce: [PriceID: PriceRecord] = [:]
    /// By layer and entry, what it says now.
    private var layers: [PriceLayer: [PriceID: PriceRecord]] = [:]

    package init(_ records: [PriceRecord] = []) {
        for record in records { add(record) }
        rebuild()
    }

    /// What must be added so that `layer` says just this from `now` on; adds it.
    ///
    /// - Parameters:
    ///   - documents: by entry; `null` for one that is to be gone.
    ///   - only: entries that the layer may change; `nil` for all, so that what is not in `documents` goes.
    /// - Returns: the changes, empty if it said so before. They are dated no earlier than the change before, whatever the clock says.
    package mutating func set(
        _ layer: PriceLayer, to documents: [PriceID: JSONValue], only: Set<PriceID>? = nil, reason: String, at now: Moment
    ) -> [PriceRecord] {
        let said = layers[layer] ?? [:]
        let at = max(now, records.last?.at ?? now)
        var changes: [PriceRecord] = []
        for (id, document) in documents.sorted(by: { $0.key < $1.key }) where said[id]?.document?.canonicalBytes != document.canonicalBytes
        {
            changes.append(PriceRecord(at: at, layer: layer, entry: id, document: document, reason: reason))
        }
        for id in said.keys.sorted() where documents[id] == nil && said[id]?.document != nil && only?.contains(id) ?? true {
            changes.append(PriceRecord(at: at, layer: layer, entry: id, document: nil, reason: reason))
        }
        guard !changes.isEmpty else { return [] }
        for change in changes { add(change) }
        rebuild()
        return changes
    }

    /// The prices of a moment.
    package func book(at moment: Moment) -> PriceBook {
        // Records are in the order of their times.
        PriceHistory(records.prefix { $0.at <= moment }.map(\.self)).current
    }

    /// What a layer says now of its entries.
    package func documents(of layer: PriceLayer) -> [PriceID: JSONValue] { (layers[layer] ?? [:]).compactMapValues(\.document) }

    private mutating func add(_ record: PriceRecord) {
        records.append(record)
        layers[record.layer, default: [:]][record.entry] = record
    }

    /// The prices as they would be without the layers above one.
    package func book(upTo top: PriceLayer) -> PriceBook { assemble(PriceLayer.allCases.filter { $0.rank <= top.rank }).book }

    private mutating func rebuild() { (current, inForce) = assemble(PriceLayer.allCases) }

    private func assemble(_ layersInUse: [PriceLayer]) -> (book: PriceBook, inForce: [PriceID: PriceRecord]) {
        var book = PriceBook()
        var inForce: [PriceID: PriceRecord] = [:]
        for id in Set(layers.values.flatMap(\.keys)) {
            for layer in layersInUse.reversed() {
                guard let record = layers[layer]?[id], let document = record.document else { continue }
                if document == .null {
                    inForce[id] = record
                    break
                }
                // What another version of Sandstorm has written may have a form that this one does not know: the next layer holds then.
                guard let entry = PriceHistory.entry(id, document, record) else { continue }
                book[id] = entry
                inForce[id] = record
                break
            }
        }
        return (book, inForce)
    }

    private static func entry(_ id: PriceID, _ document: JSONValue, _ record: PriceRecord) -> PriceEntry? {
        do throws(InvalidRequest) {
            return try PriceBook.entry(id, document, at: "/\(id)", standard: record.provenance)
        } catch {
            return nil
        }
    }
}

extension PriceRecord {
    /// Where figures of it are from that name no source.
    package var provenance: PriceProvenance {
        switch layer {
        case .shipped: PriceProvenance(reason, certainty: .uncertain)
        case .feed: PriceProvenance(reason, read: PriceDate(at), certainty: .published)
        case .rates: PriceProvenance(reason, read: PriceDate(at), certainty: .observed)
        case .configuration: PriceProvenance(PriceProvenance.configured.text, read: PriceDate(at), certainty: .configured)
        }
    }
}
