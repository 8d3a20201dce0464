import SandstormCore

extension Scenario {
    /// Reads a scenario.
    ///
    /// - Parameters:
    ///   - file: its name, for complaints.
    ///   - read: gives the text of another file that this one names in `like`, from the same directory: what the one says counts unless
    ///     the other says otherwise, and changes are added to its changes.
    /// - Throws: ``InputError`` with the line of what is no JSON, or every wrong field by its path.
    package init(json text: String, file: String, read: (String) throws -> String) throws {
        let object = try Scenario.merged(text, file: file, depth: 0, read: read)
        var reader = JSONReader(.object(object), at: "")
        let scenario = Scenario(&reader)
        let problems = reader.finish()
        guard problems.isEmpty else { throw InputError(problems.map { "\(file): \($0)" }.joined(separator: "\n")) }
        self = scenario
    }

    private static func merged(_ text: String, file: String, depth: Int, read: (String) throws -> String) throws -> JSONObject {
        let bytes = Array(text.utf8)
        let value: JSONValue
        do throws(JSONSyntaxError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            let line = bytes.prefix(error.offset).count { $0 == UInt8(ascii: "\n") } + 1
            throw InputError("\(file), line \(line): \(error.reason)")
        }
        guard case .object(var object) = value else { throw InputError("\(file): must be an object") }
        guard let like = object["like"]?.stringValue else { return object }
        guard depth < 4 else { throw InputError("\(file): /like: goes round in circles") }
        var base = try merged(try read(like), file: like, depth: depth + 1, read: read)
        object["like"] = nil
        for member in object.members {
            if let old = base[member.key]?.arrayValue, let new = member.value.arrayValue, ["changes", "moreOffers"].contains(member.key) {
                base[member.key] = .array(old + new)
            } else {
                base[member.key] = member.value
            }
        }
        return base
    }

    private init(_ reader: inout JSONReader) {
        name = reader.string("name") ?? "unnamed"
        _ = reader.string("summary")
        seed = UInt64(reader.integer("seed", in: 0...Int(Int32.max), unit: "") ?? 1)
        start =
            reader.read("start", "is not a time", remedy: "send a time such as \"2026-03-02 08:00:00\"") { value in
                value.stringValue.flatMap { Timestamp.instant($0[...]) }
            } ?? 1_772_438_400_000_000
        length = reader.time("length") ?? .hours(6)
        patience = reader.time("patience") ?? .minutes(1)
        promisedStart = reader.time("promisedStart") ?? .seconds(2)
        let milliCPU = reader.integer("milliCPU", in: 1...1_000_000, unit: "thousandths of a vCPU") ?? 1000
        let memory = reader.integer("memoryMiB", in: 1...10_000_000, unit: "MiB") ?? 1024
        resources = Resources(milliCPU: milliCPU, memoryMiB: memory, diskGiB: 0)
        workloads = reader.objects("workloads") { Workload(&$0) }
        arrivals = reader.object("arrivals") { Arrivals(&$0) } ?? Arrivals()
        offers = reader.objects("offers") { Place(&$0) } + reader.objects("moreOffers") { Place(&$0) }
        changes = reader.objects("changes") { Change(&$0) }
        if offers.isEmpty { reader.report("offers", "is missing", remedy: "name at least one offer") }
        if workloads.isEmpty { workloads = [Workload(name: "run", duration: .constant(.seconds(10)))] }
        let ids = offers.map(\.id)
        if Set(ids).count < ids.count { reader.report("offers", "has two of the same id", remedy: "give each an id of its own") }
        for (index, change) in changes.enumerated() {
            for unknown in change.offers where !ids.contains(unknown) {
                let nearest = unknown.nearest(among: ids).map { "did you mean \"\($0)\"?" } ?? "there are \(ids.joined(separator: ", "))"
                reader.report("changes/\(index)/offers", "there is no offer \"\(unknown)\"", remedy: nearest)
            }
        }
    }
}

extension Scenario.Workload {
    fileprivate init(_ reader: inout JSONReader) {
        name = reader.string("name") ?? "run"
        share = reader.number("share") ?? 1
        duration = reader.spread("duration") ?? .constant(.seconds(10))
        isIdempotent = reader.bool("idempotent") ?? false
    }
}

extension Scenario.Arrivals {
    fileprivate init(_ reader: inout JSONReader) {
        perSecond = reader.number("perSecond") ?? 1
        phases = reader.objects("phases") { (Scenario.Window(&$0), $0.number("perSecond") ?? 1) }
        bursts = reader.objects("bursts") { (Scenario.Window(&$0), $0.integer("count", in: 1...1_000_000, unit: "requests") ?? 1) }
    }
}

extension Scenario.Window {
    fileprivate init(_ reader: inout JSONReader) {
        from = reader.time("from") ?? 0
        every = reader.time("every")
        until = reader.time("until") ?? every.map { [from] in from + $0 } ?? .max
        if until <= from { reader.report("until", "is not after from", remedy: "let it end later than it begins") }
        if let every, every <= 0 { reader.report("every", "is no time at all", remedy: "send a time such as \"10m\"") }
    }
}

extension Scenario.Place {
    fileprivate init(_ reader: inout JSONReader) {
        id = reader.string("id") ?? ""
        if id.isEmpty { reader.report("id", "is missing", remedy: "name the offer, as in \"alpha/list\"") }
        provider = reader.string("provider") ?? String(id.prefix { $0 != "/" })
        region = reader.string("region")
        price = reader.object("price") { PriceSchedule(&$0) } ?? .free
        conditions = Scenario.Conditions(start: reader.spread("start") ?? .constant(.seconds(1)))
        listedStart = reader.time("listedStart") ?? .seconds(1)
        conditions.failures = reader.objects("failures") { Scenario.FailureModel(&$0) }
        conditions.limit = reader.object("limit") { Limit(&$0) }
        conditions.evictionsPerHour = reader.number("evictionsPerHour") ?? 0
    }
}

extension Scenario.FailureModel {
    fileprivate init(_ reader: inout JSONReader) {
        let codes = ProviderError.Code.allCases.map(\.rawValue).joined(separator: ", ")
        code =
            reader.read("code", "is not a kind of failure", remedy: "use one of \(codes)") { value in
                value.stringValue.flatMap(ProviderError.Code.init)
            } ?? .unavailable
        chance = reader.number("chance") ?? 1
        after = reader.time("after") ?? .seconds(1)
        retryAfter = reader.time("retryAfter")
    }
}

extension Scenario.Change {
    fileprivate init(_ reader: inout JSONReader) {
        offers = reader.strings("offers") ?? []
        window = Scenario.Window(&reader)
        startFactor = reader.number("startFactor") ?? 1
        startFactorAtEnd = reader.number("startFactorAtEnd")
        priceFactor = reader.number("priceFactor") ?? 1
        priceFactorAtEnd = reader.number("priceFactorAtEnd")
        start = reader.spread("start")
        failures = reader.value("failures") == nil ? nil : reader.objects("failures") { Scenario.FailureModel(&$0) }
        limit = reader.object("limit") { Limit(&$0) }
        evictionsPerHour = reader.number("evictionsPerHour")
        isOnSale = reader.bool("onSale")
    }
}

extension Limit {
    fileprivate init(_ reader: inout JSONReader) {
        self.init(
            concurrent: reader.integer("concurrent", in: 0...1_000_000, unit: "sandboxes"), perSecond: reader.number("perSecond"),
            burst: reader.number("burst") ?? 10, refusalTime: reader.time("after") ?? .milliseconds(120))
    }
}

extension PriceSchedule {
    /// Rates are exact decimals in dollars.
    fileprivate init(_ reader: inout JSONReader) {
        func rate(_ key: String) -> Rate {
            reader.read(key, "is not a rate", remedy: "send dollars per second such as \"0.000014\", at most twelve decimals") { value in
                value.stringValue.flatMap { Rate($0) }
            } ?? .zero
        }
        let perCreate = reader.read("perCreate", "is not an amount", remedy: "send US dollars such as \"0.001\"") { value in
            value.stringValue.flatMap { Money($0) }
        }
        self.init(
            perVCPUSecond: rate("perVcpuSecond"), perGiBSecond: rate("perGibSecond"), perCreate: perCreate ?? .zero,
            granularity: (reader.time("granularity") ?? .milliseconds(1)).duration, minimum: (reader.time("minimum") ?? 0).duration)
    }
}

extension JSONReader {
    fileprivate mutating func number(_ key: String) -> Double? {
        read(key, "is not a number that is zero or more", remedy: "send a number such as 1.5") { value in
            guard case .number(let text) = value, let number = Double(text), number.isFinite, number >= 0 else { return nil }
            return number
        }
    }

    /// A length of time as people write it.
    fileprivate mutating func time(_ key: String) -> Microseconds? {
        read(key, "is not a length of time", remedy: "send a text such as \"500ms\", \"10s\", \"1.5m\", \"2h\" or \"1d\"") { value in
            value.stringValue.flatMap { Duration(parsing: $0) }.map { Microseconds($0) }
        }
    }

    fileprivate mutating func object<Value>(_ key: String, _ make: (inout JSONReader) -> Value) -> Value? {
        guard let value = value(key) else { return nil }
        var nested = JSONReader(value, at: "\(pointer)/\(key)")
        let made = make(&nested)
        merge(nested.finish())
        return made
    }

    fileprivate mutating func objects<Value>(_ key: String, _ make: (inout JSONReader) -> Value) -> [Value] {
        guard let value = value(key) else { return [] }
        guard let elements = value.arrayValue else {
            report(key, "must be an array of objects", remedy: "send [{…}]")
            return []
        }
        return elements.enumerated().map { index, element in
            var nested = JSONReader(element, at: "\(pointer)/\(key)/\(index)")
            let made = make(&nested)
            merge(nested.finish())
            return made
        }
    }

    /// A length of time that varies: a text if it does not, else an object with the name of the distribution.
    fileprivate mutating func spread(_ key: String) -> Spread? {
        guard let value = value(key) else { return nil }
        if value.stringValue != nil { return time(key).map { .constant($0) } }
        return object(key) { Spread(&$0) }
    }
}

extension Spread {
    fileprivate init(_ reader: inout JSONReader) {
        if let mixture = reader.value("mixture"), mixture.arrayValue != nil {
            self = .mixture(reader.objects("mixture") { ($0.number("weight") ?? 1, Spread(&$0)) })
        } else if let parts = reader.object("lognormal", { ($0.time("median") ?? .seconds(1), $0.number("sigma") ?? 0.25) }) {
            self = .lognormal(median: parts.0, sigma: parts.1)
        } else if let parts = reader.object("pareto", { ($0.time("least") ?? .seconds(1), $0.number("alpha") ?? 2) }) {
            if parts.1 <= 0 { reader.report("pareto/alpha", "must be more than zero", remedy: "send 1.5 for a heavy tail") }
            self = .pareto(least: parts.0, alpha: max(parts.1, 0.01))
        } else if let parts = reader.object("uniform", { ($0.time("from") ?? 0, $0.time("to") ?? .seconds(1)) }) {
            if parts.1 < parts.0 { reader.report("uniform/to", "is less than from", remedy: "send the longer time here") }
            self = .uniform(from: parts.0, to: max(parts.0, parts.1))
        } else {
            let constant = reader.time("constant")
            if constant == nil {
                reader.report(at: reader.pointer, "names no distribution", remedy: "use constant, uniform, lognormal, pareto or mixture")
            }
            self = .constant(constant ?? .seconds(1))
        }
    }
}
