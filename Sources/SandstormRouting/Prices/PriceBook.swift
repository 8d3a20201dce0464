package import SandstormCore

/// What places charge, as far as that is known without asking them: pure data with where each figure is from.
///
/// A document of prices has one form, whether it comes with Sandstorm, from the operator's configuration or from a feed:
/// `{"entries": {"e2b": {…}, "modal.function": {…}}}`; see ``PriceEntry``.
package struct PriceBook: Hashable, Sendable {
    package private(set) var entries: [PriceID: PriceEntry]

    package init(_ entries: [PriceEntry] = []) {
        self.entries = Dictionary(entries.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    }

    /// Reads a document of prices.
    ///
    /// - Parameters:
    ///   - standard: where figures are from that name no source; `nil` if each must name one.
    /// - Throws: ``InvalidRequest`` with every problem; each names the entry and what would be right.
    package init(json: JSONValue, at pointer: String = "", standard: PriceProvenance? = nil) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        guard let value = reader.value("entries") else {
            reader.report("entries", "is missing", remedy: "write {\"entries\": {\"e2b\": {…}}}")
            throw InvalidRequest(problems: reader.finish())
        }
        var entries: [PriceEntry] = []
        do throws(InvalidRequest) {
            for (id, json) in try PriceBook.checkedDocuments(value, at: "\(pointer)/entries", standard: standard) where json != .null {
                entries.append(try PriceBook.entry(id, json, at: "\(pointer)/entries/\(id)", standard: standard))
            }
        } catch {
            reader.merge(error.problems)
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        self.init(entries)
    }

    /// The entries of a document as they are written, all of them in order, `null` among them for those that are to go.
    ///
    /// - Throws: as ``init(json:at:standard:)``.
    package static func checkedDocuments(
        _ value: JSONValue, at pointer: String, standard: PriceProvenance?
    ) throws(InvalidRequest) -> [PriceID: JSONValue] {
        guard let object = value.objectValue else {
            throw InvalidRequest(pointer, "must be an object", remedy: "write {\"e2b\": {…}}")
        }
        var problems: [FieldProblem] = []
        var documents: [PriceID: JSONValue] = [:]
        for member in object.members {
            let place = "\(pointer)/\(JSONReader.escape(member.key))"
            guard let id = PriceID(parsing: member.key) else {
                let remedy = "write a provider such as \"modal\", or a provider and a product such as \"modal.function\""
                problems.append(FieldProblem(pointer: place, detail: "is no name of an entry", remedy: remedy))
                continue
            }
            if documents.updateValue(member.value, forKey: id) != nil {
                problems.append(FieldProblem(pointer: place, detail: "is the same as \(id)", remedy: "leave out one of the two"))
            }
            guard member.value != .null else { continue }
            do throws(InvalidRequest) {
                _ = try entry(id, member.value, at: place, standard: standard)
            } catch {
                problems += error.problems
            }
        }
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        return documents
    }

    static func entry(
        _ id: PriceID, _ json: JSONValue, at pointer: String, standard: PriceProvenance?
    ) throws(InvalidRequest) -> PriceEntry {
        var reader = PriceEntryReader(id, json, at: pointer, standard: standard)
        return try reader.entry()
    }

    package subscript(id: PriceID) -> PriceEntry? {
        get { entries[id] }
        set { entries[id] = newValue }
    }

    /// The entries in the order of their names.
    package var sorted: [PriceEntry] { entries.values.sorted { $0.id < $1.id } }

    /// The prices of a product.
    ///
    /// - Parameters:
    ///   - region: where, by the provider's name for it; `nil` for wherever it likes.
    ///   - gpu: the type of GPU, if one is wanted.
    /// - Throws: ``PriceUnknown``, which says what the operator can do.
    package func price(
        of provider: ProviderID, _ product: String = PriceID.standardProduct, region: String? = nil, gpu: String? = nil
    ) throws(PriceUnknown) -> BookPrice {
        let id = PriceID(provider, product)
        guard let entry = entries[id] else { throw PriceUnknown(id, "there is no entry for it") }
        return try entry.price(region: region, gpu: gpu)
    }
}

/// What is charged by an entry, and how far that can be believed.
package struct BookPrice: Hashable, Sendable {
    package var schedule: PriceSchedule
    /// Where the amounts are from, the least sure first, each once.
    package var amounts: [PriceProvenance]
    /// Where it is from in what steps time is billed, and at least how much of it.
    package var rounding: [PriceProvenance]

    /// The least sure of the amounts.
    package var certainty: PriceCertainty { amounts.first?.certainty ?? .configured }
    /// The least sure of how time is rounded: little money beside the amounts, but it is in what is paid.
    package var roundingCertainty: PriceCertainty { rounding.first?.certainty ?? .configured }
}

/// A price that is not known, and what the operator can do about it.
package struct PriceUnknown: Error, Hashable, Sendable, CustomStringConvertible {
    package var id: PriceID
    package var detail: String

    init(_ id: PriceID, _ detail: String) {
        self.id = id
        self.detail = detail
    }

    package var description: String { "\(id) has no price: \(detail); give one under prices.entries.\(id) in the configuration" }
}

extension PriceEntry {
    /// - Throws: ``PriceUnknown`` if it publishes none, or none for this region or GPU.
    package func price(region: String? = nil, gpu: String? = nil) throws(PriceUnknown) -> BookPrice {
        if let unpublished { throw PriceUnknown(id, unpublished) }
        var amounts = [cpu?.provenance, memory?.provenance, disk?.provenance, freeDiskGiB?.provenance, create?.provenance]
        var multiplier = Ratio.one
        if let region, !regions.isEmpty {
            guard let regional = regions[region] else {
                throw PriceUnknown(id, "nothing is known of region \(region), only of \(regions.keys.sorted().joined(separator: ", "))")
            }
            multiplier = regional.value
            amounts.append(regional.provenance)
        }
        var figures = [cpu?.value, memory?.value, disk?.value]
        if let gpu {
            guard let figure = gpus[gpu] else {
                let known = gpus.isEmpty ? "it has none" : "only for \(gpus.keys.sorted().joined(separator: ", "))"
                throw PriceUnknown(id, "it names no price for GPU \(gpu), \(known)")
            }
            amounts.append(figure.provenance)
            figures.append(figure.value)
        }
        guard let schedule = schedule(figures, gpu: gpu, times: multiplier) else {
            throw PriceUnknown(id, "its prices in region \(region ?? "-") are too fine to be said exactly")
        }
        return BookPrice(
            schedule: schedule, amounts: PriceEntry.leastSureFirst(amounts),
            rounding: PriceEntry.leastSureFirst([granularity?.provenance, minimum?.provenance]))
    }

    private static func leastSureFirst(_ provenances: [PriceProvenance?]) -> [PriceProvenance] {
        var seen: Set<PriceProvenance> = []
        let each = provenances.compactMap(\.self).filter { seen.insert($0).inserted }
        // Sorted without changing the order of those that are as sure as each other.
        return PriceCertainty.allCases.reversed().flatMap { certainty in each.filter { $0.certainty == certainty } }
    }

    /// The figures over one denominator, in the order vCPU, memory, disk, GPU.
    private func schedule(_ figures: [Figure?], gpu: String?, times multiplier: Ratio) -> PriceSchedule? {
        // What is a whole number of pico-dollars a second is said so; only what is not takes all of them to a common fraction.
        var common: Int64 = 1
        var scales: [Ratio] = []
        for figure in figures {
            guard let figure else {
                scales.append(.one)
                continue
            }
            guard let scale = figure.scale?.times(multiplier) else { return nil }
            scales.append(scale)
            guard figure.amount.times(scale) == nil else { continue }
            guard let least = leastCommonMultiple(common, scale.denominator) else { return nil }
            common = least
        }
        guard let raise = Ratio(common), let lower = Ratio(1, common) else { return nil }
        var rates: [Rate] = []
        for (figure, scale) in zip(figures, scales) {
            let amount = figure?.amount ?? .zero
            guard let rate = scale.times(raise).flatMap({ amount.times($0) }) ?? amount.times(scale)?.times(raise) else { return nil }
            rates.append(rate)
        }
        return PriceSchedule(
            perVCPUSecond: rates[0], perGiBSecond: rates[1], perGPUSecond: gpu.map { [$0: rates[3]] } ?? [:],
            perDiskGiBSecond: rates[2], freeDiskGiB: freeDiskGiB?.value ?? 0, perCreate: create?.value ?? .zero, scale: lower,
            granularity: granularity?.value ?? .milliseconds(1), minimum: minimum?.value ?? .zero)
    }

    private func leastCommonMultiple(_ left: Int64, _ right: Int64) -> Int64? {
        guard let ratio = Ratio(left, right) else { return nil }
        let (product, overflow) = right.multipliedReportingOverflow(by: ratio.numerator)
        return overflow || product > Ratio.limit ? nil : product
    }

    /// What a sandbox of at least `wanted` would really get; `nil` if the provider gives none so large, or has no such GPU.
    package func fit(_ wanted: Resources) -> Resources? {
        if let gpu = wanted.gpu, gpus[gpu.type] == nil { return nil }
        guard let limits = (wanted.gpu == nil ? limits : limitsWithGPU ?? limits)?.value else { return wanted }
        func up(_ value: Int, _ least: Int, _ step: Int) -> Int { (max(value, least) + step - 1) / step * step }
        var given = wanted
        given.milliCPU = up(wanted.milliCPU, limits.leastMilliCPU, limits.stepMilliCPU)
        given.memoryMiB = up(wanted.memoryMiB, limits.leastMemoryMiB, limits.stepMemoryMiB)
        guard given.milliCPU <= limits.mostMilliCPU ?? .max, given.memoryMiB <= limits.mostMemoryMiB ?? .max,
            given.diskGiB <= limits.mostDiskGiB ?? .max, (wanted.gpu?.count ?? 0) <= limits.mostGPUs ?? .max
        else { return nil }
        return given
    }
}
