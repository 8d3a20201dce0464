import SandstormCore

/// Reads one entry of a price document and collects what is wrong with it.
struct PriceEntryReader {
    private let id: PriceID
    private let json: JSONValue
    private var reader: JSONReader
    /// For figures that name no source; `nil` if each must.
    private let standard: PriceProvenance?
    private var sources: [String: PriceProvenance] = [:]

    init(_ id: PriceID, _ json: JSONValue, at pointer: String, standard: PriceProvenance?) {
        self.id = id
        self.json = json
        self.standard = standard
        reader = JSONReader(json, at: pointer)
    }

    mutating func entry() throws(InvalidRequest) -> PriceEntry {
        readSources()
        let kind = reader.read("kind", "is no kind of product", remedy: "use one of sandbox, function, machine") { value in
            value.stringValue.flatMap(PriceEntry.Kind.init)
        }
        var entry = PriceEntry(id: id, title: reader.string("title") ?? id.description, kind: kind ?? .sandbox, json: json)
        entry.unpublished = reader.string("unpublished")
        entry.cpu = figure("cpu", unitsKey: "vcpus")
        entry.memory = figure("memory")
        readMachine(into: &entry)
        entry.disk = figure("disk")
        entry.gpus = map("gpus", "write {\"H100\": {\"usd\": \"3.95\", \"per\": \"hour\", …}}") { reader, key in reader.figure(key) }
        entry.create = sourced("create", "usd", "must be an amount of dollars", remedy: "write {\"usd\": \"0.001\", …}") { value in
            PriceEntryReader.text(value).flatMap { Money($0) }.flatMap { $0 < .zero ? nil : $0 }
        }
        entry.freeDiskGiB = sourced("freeDisk", "gib", "must be whole GiB", remedy: "write {\"gib\": 5, …}") { value in
            value.intValue.flatMap { (0...1_000_000).contains($0) ? $0 : nil }
        }
        entry.granularity = time("granularity", 1)
        entry.minimum = time("minimum", 0)
        entry.paused = sourced("paused", "charge", "is no way to charge", remedy: "use one of free, storage, full") { value in
            value.stringValue.flatMap(PriceEntry.Paused.init)
        }
        entry.regions = map("regions", "write {\"us\": {\"multiplier\": \"1.5\", …}}") { reader, key in
            reader.sourced(key, "multiplier", "must be a positive fraction", remedy: "write \"1.5\" or \"3/2\"") { value in
                PriceEntryReader.text(value).flatMap { Ratio($0) }
            }
        }
        entry.limits = limits("limits")
        entry.limitsWithGPU = limits("limitsWithGpu")
        entry.notes = reader.strings("notes") ?? []
        checkCompleteness(entry)
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
        return entry
    }

    private mutating func checkCompleteness(_ entry: PriceEntry) {
        guard reader.problems.isEmpty else { return }
        let isPriced = entry.cpu != nil || entry.memory != nil || !entry.gpus.isEmpty || entry.create != nil
        if entry.unpublished == nil, !isPriced {
            reader.report(
                at: reader.pointer, "has no price", remedy: "give cpu, memory, gpus or machine, or say under unpublished why there is none")
        }
        if entry.unpublished != nil, isPriced {
            reader.report("unpublished", "is given beside prices", remedy: "leave out one of the two")
        }
    }

    // MARK: Sources

    private mutating func readSources() {
        guard let value = reader.value("sources") else { return }
        guard let object = value.objectValue else {
            reader.report("sources", "must be an object", remedy: "write {\"NAME\": {\"text\": …, \"read\": …, \"certainty\": …}}")
            return
        }
        for member in object.members {
            var source = JSONReader(member.value, at: "\(reader.pointer)/sources/\(JSONReader.escape(member.key))")
            let text = source.string("text")
            if text == nil, source.problems.isEmpty {
                source.report("text", "is missing", remedy: "say where the figure can be read")
            }
            let read = source.read("read", "is no date", remedy: "write 2026-08-06, 2026-08 or 2026") { value in
                value.stringValue.flatMap(PriceDate.init)
            }
            // What comes with a time of its own need not name one.
            if read == nil, standard == nil, source.problems.isEmpty {
                source.report("read", "is missing", remedy: "say when it was read: 2026-08-06")
            }
            let certainty = PriceEntryReader.certainty(&source)
            if certainty == nil, source.problems.isEmpty {
                source.report("certainty", "is missing", remedy: "use one of \(PriceEntryReader.certainties)")
            }
            reader.merge(source.finish())
            sources[member.key] = PriceProvenance(text ?? "", read: read, certainty: certainty ?? .uncertain)
        }
    }

    private static let certainties = PriceCertainty.allCases.map(\.rawValue).joined(separator: ", ")

    private static func certainty(_ reader: inout JSONReader) -> PriceCertainty? {
        reader.read("certainty", "is no certainty", remedy: "use one of \(certainties)") { value in
            value.stringValue.flatMap(PriceCertainty.init)
        }
    }

    /// The source that an object names, made less or more certain if it says so.
    private mutating func provenance(_ object: inout JSONReader) -> PriceProvenance {
        let name = object.string("source")
        let certainty = PriceEntryReader.certainty(&object)
        var provenance = standard ?? PriceProvenance("", certainty: .uncertain)
        if let name {
            if let source = sources[name] {
                provenance = source
            } else {
                let known = sources.keys.sorted()
                let nearest = name.nearest(among: known).map { "did you mean \"\($0)\"?" }
                object.report("source", "\"\(name)\" is not among the entry's sources", remedy: nearest ?? "add it to \"sources\"")
            }
        } else if standard == nil, object.problems.isEmpty {
            object.report("source", "is missing", remedy: "name one of the entry's \"sources\"")
        }
        if let certainty { provenance.certainty = certainty }
        return provenance
    }

    // MARK: Values

    /// A string, or the literal of a number: neither passes through a binary fraction.
    private static func text(_ value: JSONValue) -> String? {
        if case .number(let literal) = value { return literal }
        return value.stringValue
    }

    /// A value under `name`, in an object with its source or by itself.
    private mutating func sourced<Value: Hashable & Sendable>(
        _ key: String, _ name: String, _ detail: String, remedy: String, _ transform: (JSONValue) -> Value?
    ) -> PriceEntry.Sourced<Value>? {
        guard let value = reader.value(key) else { return nil }
        return sourced(value, at: "\(reader.pointer)/\(JSONReader.escape(key))", name, detail, remedy: remedy, transform)
    }

    private mutating func sourced<Value: Hashable & Sendable>(
        _ value: JSONValue, at pointer: String, _ name: String, _ detail: String, remedy: String, _ transform: (JSONValue) -> Value?
    ) -> PriceEntry.Sourced<Value>? {
        // Short for what has no source of its own.
        let full: JSONValue = value.objectValue == nil && standard != nil ? .object([name: value]) : value
        var object = JSONReader(full, at: pointer)
        let result = object.read(name, detail, remedy: remedy, transform)
        if result == nil, object.problems.isEmpty { object.report(name, "is missing", remedy: remedy) }
        let provenance = provenance(&object)
        reader.merge(object.finish())
        return result.map { PriceEntry.Sourced(value: $0, provenance: provenance) }
    }

    private mutating func figure(_ key: String, unitsKey: String? = nil) -> PriceEntry.Sourced<PriceEntry.Figure>? {
        guard let value = reader.value(key) else { return nil }
        return figure(value, at: "\(reader.pointer)/\(JSONReader.escape(key))", unitsKey)
    }

    private mutating func figure(
        _ value: JSONValue, at pointer: String, _ unitsKey: String? = nil
    ) -> PriceEntry.Sourced<PriceEntry.Figure>? {
        let full: JSONValue = value.objectValue == nil && standard != nil ? ["usd": value] : value
        var object = JSONReader(full, at: pointer)
        let remedy = "write dollars as a decimal with at most twelve places, such as \"0.000014\""
        let amount = object.read("usd", "must be an amount of dollars", remedy: remedy) { value in
            PriceEntryReader.text(value).flatMap { Rate($0) }
        }
        if amount == nil, object.problems.isEmpty { object.report("usd", "is missing", remedy: remedy) }
        let perSecond = object.read("per", "is no time", remedy: "use second or hour") { value -> Ratio? in
            switch value.stringValue {
            case "second": .one
            case "hour": .perHour
            default: nil
            }
        }
        if amount != nil, perSecond == nil, object.problems.isEmpty, value.objectValue != nil {
            object.report("per", "is missing", remedy: "say whether it is per \"second\" or per \"hour\"")
        }
        let units = unitsKey.flatMap { object.integer($0, in: 1...1024, unit: "vCPUs") } ?? 1
        let provenance = provenance(&object)
        reader.merge(object.finish())
        return amount.map {
            PriceEntry.Sourced(
                value: PriceEntry.Figure(amount: $0, perSecond: perSecond ?? .one, units: units), provenance: provenance)
        }
    }

    private mutating func time(_ key: String, _ least: Int) -> PriceEntry.Sourced<Duration>? {
        sourced(key, "milliseconds", "must be whole milliseconds", remedy: "write \(least) to 86400000") { value in
            value.intValue.flatMap { (least...86_400_000).contains($0) ? .milliseconds($0) : nil }
        }
    }

    /// An object of sourced values.
    private mutating func map<Value>(
        _ key: String, _ remedy: String, _ read: (inout PriceEntryReader, String) -> Value?
    ) -> [String: Value] {
        guard let value = reader.value(key) else { return [:] }
        guard let object = value.objectValue else {
            reader.report(key, "must be an object", remedy: remedy)
            return [:]
        }
        var nested = PriceEntryReader(id, value, at: "\(reader.pointer)/\(key)", standard: standard)
        nested.sources = sources
        var values: [String: Value] = [:]
        for member in object.members { values[member.key] = read(&nested, member.key) }
        reader.merge(nested.reader.finish())
        return values
    }

    private mutating func limits(_ key: String) -> PriceEntry.Sourced<PriceEntry.Limits>? {
        guard let value = reader.value(key) else { return nil }
        var object = JSONReader(value, at: "\(reader.pointer)/\(key)")
        var limits = PriceEntry.Limits()
        func milliCPU(_ key: String) -> Int? {
            object.read(key, "is no number of vCPUs", remedy: "write 0.001 to 1024") { value in
                value.doubleValue.flatMap { (0.001...1024).contains($0) ? Int(($0 * 1000).rounded()) : nil }
            }
        }
        limits.leastMilliCPU = milliCPU("leastCpu") ?? 0
        limits.mostMilliCPU = milliCPU("cpu")
        limits.stepMilliCPU = milliCPU("cpuStep") ?? 1
        limits.leastMemoryMiB = object.integer("leastMemory", in: 1...16_777_216, unit: "MiB") ?? 0
        limits.mostMemoryMiB = object.integer("memory", in: 1...16_777_216, unit: "MiB")
        limits.stepMemoryMiB = object.integer("memoryStep", in: 1...1_048_576, unit: "MiB") ?? 1
        limits.mostDiskGiB = object.integer("disk", in: 1...1_048_576, unit: "GiB")
        limits.mostGPUs = object.integer("gpus", in: 1...1024, unit: "GPUs")
        let provenance = provenance(&object)
        reader.merge(object.finish())
        return PriceEntry.Sourced(value: limits, provenance: provenance)
    }

    // MARK: Machines

    /// A machine's cost stands for the prices of its vCPUs and memory.
    private mutating func readMachine(into entry: inout PriceEntry) {
        guard let value = reader.value("machine") else { return }
        if entry.cpu != nil || entry.memory != nil {
            reader.report("machine", "is given beside cpu or memory", remedy: "leave out one of the two")
        }
        var object = JSONReader(value, at: "\(reader.pointer)/machine")
        let isFree = object.bool("free") ?? false
        let perHour = amount("perHour", &object)
        let purchase = amount("purchase", &object)
        let months = object.integer("months", in: 1...600, unit: "months")
        let utilisation = object.read("utilisation", "must be above 0 and at most 1", remedy: "write \"0.6\" or \"3/5\"") { value in
            PriceEntryReader.text(value).flatMap { Ratio($0) }.flatMap { $0 <= .one ? $0 : nil }
        }
        let cpuShare = object.read("cpuShare", "must be above 0 and at most 1", remedy: "write \"0.5\" or \"1/2\"") { value in
            PriceEntryReader.text(value).flatMap { Ratio($0) }.flatMap { $0 <= .one ? $0 : nil }
        }
        var capacity = JSONReader(object.value("capacity") ?? [:], at: "\(object.pointer)/capacity")
        let cpu = capacity.read("cpu", "is no number of vCPUs", remedy: "write 1 to 4096") { value in
            value.doubleValue.flatMap { (0.001...4096).contains($0) ? Int(($0 * 1000).rounded()) : nil }
        }
        let memory = capacity.integer("memory", in: 1...67_108_864, unit: "MiB")
        object.merge(capacity.finish())
        let provenance = provenance(&object)
        if object.problems.isEmpty {
            switch (isFree, perHour, purchase, cpu) {
            case (true, nil, nil, _): break
            case (true, _, _, _): object.report("free", "is given beside a price", remedy: "leave out one of the two")
            case (false, nil, nil, _):
                object.report("perHour", "is missing", remedy: "give perHour, purchase with months, or \"free\": true")
            case (false, _, _, nil): object.report("capacity/cpu", "is missing", remedy: "say how many vCPUs the machine has")
            default: break
            }
            if purchase != nil, months == nil { object.report("months", "is missing", remedy: "say for how many months it serves") }
        }
        var cost = MachineCost(milliCPU: cpu ?? 1000, memoryMiB: memory)
        (cost.perHour, cost.purchase, cost.months) = (perHour ?? .zero, purchase ?? .zero, months ?? 1)
        (cost.cpuShare, cost.utilisation) = (cpuShare, utilisation ?? .one)
        let hourly = cost.hourly
        if hourly == nil, object.problems.isEmpty {
            object.report("perHour", "does not divide into prices that fit", remedy: "write the amounts and shares with fewer digits")
        }
        reader.merge(object.finish())
        guard let hourly else { return }
        func figure(_ rate: Rate) -> PriceEntry.Sourced<PriceEntry.Figure> {
            .init(value: .init(amount: rate, perSecond: .perHour, units: 1), provenance: provenance)
        }
        entry.cpu = figure(hourly.vcpu)
        if hourly.gib > .zero { entry.memory = figure(hourly.gib) }
    }

    private func amount(_ key: String, _ object: inout JSONReader) -> Rate? {
        object.read(key, "must be an amount of dollars", remedy: "write dollars as a decimal, such as \"0.80\"") { value in
            PriceEntryReader.text(value).flatMap { Rate($0) }
        }
    }
}
