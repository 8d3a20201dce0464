package import SandstormCore

extension PriceBook {
    /// What the entries of a provider become once it has told its rates.
    ///
    /// Figures that it tells replace those of the book; all others stay, with where they are from.
    ///
    /// - Parameter provenance: where the new figures are from.
    /// - Throws: ``InvalidRequest`` if that makes no entry: of a product without a price, say.
    package func documents(
        after rates: [ProviderRate], of provider: ProviderID, from provenance: PriceProvenance
    ) throws(InvalidRequest) -> [PriceID: JSONValue] {
        var documents: [PriceID: JSONValue] = [:]
        for rate in rates {
            guard let id = PriceID(parsing: "\(provider.rawValue).\(rate.product)") else {
                throw InvalidRequest("/\(provider)", "tells a price of \"\(rate.product)\", which is no name", remedy: "name a product")
            }
            let standing = documents[id] ?? self[id]?.json
            var object = standing?.objectValue ?? JSONObject()
            // What the book says why there is no price has become untrue.
            object["unpublished"] = nil
            object["machine"] = nil
            object.set(rate, source: PriceBook.ratesSource)
            var sources = object["sources"]?.objectValue ?? JSONObject()
            sources[PriceBook.ratesSource] = provenance.json
            object["sources"] = .object(sources)
            documents[id] = .object(object)
        }
        for (id, document) in documents {
            _ = try PriceBook.entry(id, document, at: "/\(id)", standard: provenance)
        }
        return documents
    }

    /// The name of the source that a rates call is, within an entry.
    private static let ratesSource = "rates call"
}

extension PriceProvenance {
    fileprivate var json: JSONValue {
        var object: JSONObject = ["text": .string(text), "certainty": .string(certainty.rawValue)]
        object["read"] = read.map { .string($0.description) }
        return .object(object)
    }
}

extension JSONObject {
    fileprivate mutating func set(_ rate: ProviderRate, source: String) {
        var figure: JSONObject = ["usd": .string(rate.amount.decimal), "per": .string(rate.period.rawValue), "source": .string(source)]
        switch rate.item {
        case .vCPUs(let count):
            if count != 1 { figure["vcpus"] = .integer(count) }
            self["cpu"] = .object(figure)
        case .memoryGiB: self["memory"] = .object(figure)
        case .diskGiB: self["disk"] = .object(figure)
        case .gpu(let type):
            var gpus = self["gpus"]?.objectValue ?? JSONObject()
            gpus[type] = .object(figure)
            self["gpus"] = .object(gpus)
        }
    }
}
