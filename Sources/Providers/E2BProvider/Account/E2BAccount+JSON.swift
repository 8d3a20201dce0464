public import SandstormCore

extension E2BAccount {
    /// Reads an entry of the section `accounts` whose `provider` is `e2b`.
    ///
    /// - Parameters:
    ///   - key: what the entry's `key` leads to; read by the caller, as it is in the environment or in a file.
    ///   - json: the entry; `name`, `provider` and `key` are known to the caller too.
    /// - Throws: ``InvalidRequest`` with everything that is wrong.
    public init(json: JSONValue, key: E2BKey, at pointer: String) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        _ = (reader.value("provider"), reader.value("key"))
        self.init(key: key)
        if let name = reader.string("name") {
            if name.isEmpty || name.utf8.count > 64 || !name.utf8.allSatisfy(E2BAccount.isPlain) {
                reader.report("name", "\"\(name)\" is no name", remedy: "use up to 64 letters, digits, and - or _")
            }
            self.name = name
        }
        apiURL = E2BAccount.url("apiURL", &reader)
        sandboxURL = E2BAccount.url("sandboxURL", &reader)
        if let domain = reader.string("domain") {
            if domain.isEmpty || domain.contains("/") {
                reader.report("domain", "\"\(domain)\" is no domain", remedy: "write e2b.app, or sandboxes.example:8443")
            }
            self.domain = domain
        }
        trustedCertificates = reader.string("trustedCertificates")
        readTemplates(&reader)
        if let section = reader.value("limits") { readLimits(section, at: pointer + "/limits", &reader) }
        if let names = reader.strings("lacks") {
            for name in names {
                guard let feature = E2BFeature(rawValue: name) else {
                    let known = E2BFeature.allCases.map(\.rawValue).joined(separator: ", ")
                    reader.report("lacks", "\"\(name)\" is nothing that E2B can do", remedy: "name some of \(known)")
                    continue
                }
                lacks.insert(feature)
            }
        }
        if let names = reader.strings("languages") {
            languages = Set(names.compactMap(Language.init(rawValue:)))
            for name in names where Language(rawValue: name) == nil {
                reader.report("languages", "\"\(name)\" is no language", remedy: "name some of those of sandstorm run --language")
            }
        }
        if let name = reader.string("isolation") {
            if let level = IsolationLevel(rawValue: name) {
                isolation = level
            } else {
                reader.report("isolation", "\"\(name)\" is no level", remedy: "write standard, strong or maximum")
            }
        }
        let problems = reader.finish()
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    private static func url(_ key: String, _ reader: inout JSONReader) -> String? {
        guard let url = reader.string(key) else { return nil }
        let scheme = url.prefix(8).lowercased()
        if !(scheme.hasPrefix("http://") || scheme.hasPrefix("https://")) || url.contains("?") || url.contains("#") || url.contains("@") {
            reader.report(key, "is no address", remedy: "write http(s)://HOST[:PORT][/PATH]")
        }
        return url
    }

    private mutating func readTemplates(_ reader: inout JSONReader) {
        guard let list = reader.value("templates") else { return }
        guard let elements = list.arrayValue, !elements.isEmpty else {
            return reader.report(
                "templates", "must be an array with something in it", remedy: "write [{\"name\": …, \"cpu\": 2, \"memory\": 512}]")
        }
        templates = []
        for (index, element) in elements.enumerated() {
            var object = JSONReader(element, at: "\(reader.pointer)/templates/\(index)")
            let name = object.string("name")
            let cpu = object.integer("cpu", in: 1...64, unit: "vCPUs")
            let memory = object.integer("memory", in: 64...524_288, unit: "MiB")
            if name?.isEmpty != false { object.report("name", "is missing", remedy: "name a template") }
            if cpu == nil { object.report("cpu", "is missing", remedy: "say how many vCPUs its sandboxes have") }
            if memory == nil { object.report("memory", "is missing", remedy: "say how many MiB its sandboxes have") }
            templates.append(E2BTemplate(name: name ?? "", milliCPU: (cpu ?? 1) * 1000, memoryMiB: memory ?? 64))
            reader.merge(object.finish())
        }
    }

    private mutating func readLimits(_ section: JSONValue, at pointer: String, _ reader: inout JSONReader) {
        var object = JSONReader(section, at: pointer)
        if let cpu = object.integer("cpu", in: 1...64, unit: "vCPUs") { limits.cpu = cpu }
        if let memory = object.integer("memory", in: 64...524_288, unit: "MiB") { limits.memory = memory }
        if let least = object.integer("leastMemory", in: 64...524_288, unit: "MiB") { limits.leastMemory = least }
        if let disk = object.integer("disk", in: 1...1024, unit: "GiB") { limits.disk = disk }
        if let time = object.integer("lifetime", in: 1000...8_640_000_000, unit: "milliseconds") {
            limits.lifetime = .milliseconds(Int64(time))
        }
        reader.merge(object.finish())
    }
}
