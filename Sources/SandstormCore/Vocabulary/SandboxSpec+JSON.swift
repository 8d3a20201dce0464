extension SandboxSpec {
    /// Reads a spec in the form of the native API.
    ///
    /// - Parameter pointer: where `json` stands in the request's body.
    /// - Throws: ``InvalidRequest`` with every problem.
    public init(json: JSONValue, at pointer: String = "", for purpose: Purpose = .run) throws(InvalidRequest) {
        var reader = JSONReader(json, at: pointer)
        self.init()
        read(&reader)
        var problems = reader.finish()
        // A field that could not be read is reported once, by the reader; the rules then see its default.
        let reported = Set(problems.map(\.pointer))
        problems += validate(at: pointer, for: purpose).filter { !reported.contains($0.pointer) }
        guard problems.isEmpty else { throw InvalidRequest(problems: problems) }
    }

    /// Reads a spec that was valid when it was written: rules that have become stricter since do not make it unreadable.
    package init(journaled json: JSONValue) {
        var reader = JSONReader(json, at: "")
        self.init()
        read(&reader)
    }

    private mutating func read(_ reader: inout JSONReader) {
        code = reader.string("code")
        readCommand(&reader)
        language = reader.read("language", "is not a known language", remedy: "use one of \(Language.names)") { value in
            value.stringValue.flatMap { Language(named: $0) }
        }
        requirements = reader.strings("requirements") ?? []
        arguments = reader.strings("arguments") ?? []
        environment = reader.stringMap("environment") ?? [:]
        secrets = reader.strings("secrets") ?? []
        readFiles(&reader)
        readInput(&reader)
        cpu = reader.read("cpu", "is not a number", remedy: Limits.cpuRemedy) { $0.doubleValue } ?? cpu
        memory = reader.read("memory", "is not a whole number", remedy: Limits.memoryRemedy) { $0.intValue } ?? memory
        disk = reader.read("disk", "is not a whole number", remedy: Limits.diskRemedy) { $0.intValue } ?? disk
        timeout =
            reader.read("timeout", "is not a whole number", remedy: Limits.timeoutRemedy) { value in
                // Clamped before it becomes a Duration, which a hostile number would overflow; the rule then refuses it.
                value.intValue.map { .milliseconds(min(max($0, -1), 1_000_000_000_000)) }
            } ?? timeout
        readGPU(&reader)
        network =
            reader.read(
                "network", "is not a network policy",
                remedy: "send \"none\", \"open\", {\"allow\": [\"host\", …]} or {\"deny\": [\"network\", …]}", NetworkPolicy.init
            ) ?? network
        region = reader.string("region")
        isolation =
            reader.read(
                "isolation", "is not an isolation level", remedy: "use standard, strong or maximum"
            ) { $0.stringValue.flatMap(IsolationLevel.init) } ?? isolation
        rootAccess = reader.bool("rootAccess") ?? false
        image = reader.string("image")
        metadata = reader.stringMap("metadata") ?? [:]
        idempotent = reader.bool("idempotent") ?? false
        providerOptions =
            reader.read(
                "providerOptions", "must be an object of objects", remedy: "send {\"provider\": {…}}"
            ) { value in
                value.objectValue.flatMap { options in options.members.allSatisfy { $0.value.objectValue != nil } ? options : nil }
            } ?? [:]
    }

    private mutating func readCommand(_ reader: inout JSONReader) {
        guard let value = reader.value("command") else { return }
        // A command as one string is a line for the shell, as every other tool has it.
        if let line = value.stringValue {
            command = ["/bin/sh", "-c", line]
        } else {
            command = reader.strings("command")
        }
    }

    private mutating func readFiles(_ reader: inout JSONReader) {
        guard let value = reader.value("files") else { return }
        let remedy = "send {\"path\": \"content\"} or [{\"path\": …, \"content\": …}]"
        switch value {
        case .object(let object):
            for member in object.members {
                let pointer = "\(reader.pointer)/files/\(JSONReader.escape(member.key))"
                if let content = member.value.stringValue {
                    files.append(SpecFile(path: member.key, content: Array(content.utf8)))
                } else {
                    readFile(member.value, path: member.key, at: pointer, &reader)
                }
            }
        case .array(let elements):
            for (index, element) in elements.enumerated() {
                readFile(element, path: nil, at: "\(reader.pointer)/files/\(index)", &reader)
            }
        default:
            reader.report("files", "must be an object or an array", remedy: remedy)
        }
    }

    private mutating func readFile(_ value: JSONValue, path: String?, at pointer: String, _ outer: inout JSONReader) {
        var reader = JSONReader(value, at: pointer)
        let path = path ?? reader.string("path")
        let text = reader.string("content").map { Array($0.utf8) }
        let bytes = reader.base64("contentBase64")
        let mode = reader.read("mode", "is not a file mode", remedy: "send octal digits in quotes, such as \"0755\"") { value in
            value.stringValue.flatMap { UInt16($0, radix: 8) }.flatMap { $0 <= 0o777 ? $0 : nil }
        }
        if path == nil, value.objectValue != nil { reader.report("path", "is missing", remedy: "name the file") }
        if text != nil, bytes != nil {
            reader.report("contentBase64", "is given beside content", remedy: "send one of the two")
        }
        outer.merge(reader.finish())
        // Kept even with problems, so that the indices in later pointers stay right.
        files.append(SpecFile(path: path ?? "unnamed", content: text ?? bytes ?? [], mode: mode ?? 0o644))
    }

    private mutating func readInput(_ reader: inout JSONReader) {
        let text = reader.string("stdin")
        let bytes = reader.base64("stdinBase64")
        if text != nil, bytes != nil {
            reader.report("stdinBase64", "is given beside stdin", remedy: "send one of the two")
        }
        stdin = text.map { Array($0.utf8) } ?? bytes ?? []
    }

    private mutating func readGPU(_ reader: inout JSONReader) {
        guard let value = reader.value("gpu") else { return }
        if let type = value.stringValue {
            gpu = GPURequest(type: type)
            return
        }
        var nested = JSONReader(value, at: "\(reader.pointer)/gpu")
        let type = nested.string("type")
        let count = nested.integer("count", in: 1...16, unit: "GPUs")
        if type == nil, value.objectValue != nil { nested.report("type", "is missing", remedy: "name a type such as \"L4\"") }
        reader.merge(nested.finish())
        gpu = type.map { GPURequest(type: $0, count: count ?? 1) }
    }

    /// The spec in the form of the native API, without what equals the default.
    public var json: JSONValue {
        let standard = SandboxSpec()
        var object = JSONObject()
        object["code"] = code.map(JSONValue.string)
        object["command"] = command.map(JSONValue.strings)
        object["language"] = language.map { .string($0.rawValue) }
        if !requirements.isEmpty { object["requirements"] = .strings(requirements) }
        if !arguments.isEmpty { object["arguments"] = .strings(arguments) }
        if !environment.isEmpty { object["environment"] = environment.json }
        if !secrets.isEmpty { object["secrets"] = .strings(secrets) }
        if !files.isEmpty { object["files"] = .array(files.map(\.json)) }
        if !stdin.isEmpty { object.setBytes(stdin, "stdin") }
        if cpu != standard.cpu { object["cpu"] = .number("\(cpu)") }
        if memory != standard.memory { object["memory"] = .integer(memory) }
        if disk != standard.disk { object["disk"] = .integer(disk) }
        if let gpu { object["gpu"] = ["type": .string(gpu.type), "count": .integer(gpu.count)] }
        if timeout != standard.timeout { object["timeout"] = .integer(timeout.wholeMilliseconds) }
        if network != standard.network { object["network"] = network.json }
        object["region"] = region.map(JSONValue.string)
        if isolation != standard.isolation { object["isolation"] = .string(isolation.rawValue) }
        if rootAccess { object["rootAccess"] = true }
        object["image"] = image.map(JSONValue.string)
        if !metadata.isEmpty { object["metadata"] = metadata.json }
        if idempotent { object["idempotent"] = true }
        if !providerOptions.members.isEmpty { object["providerOptions"] = .object(providerOptions) }
        return .object(object)
    }
}

extension SpecFile {
    var json: JSONValue {
        var object: JSONObject = ["path": .string(path)]
        object.setBytes(content, "content")
        if mode != 0o644 { object["mode"] = .string("0" + String(mode, radix: 8)) }
        return .object(object)
    }
}

extension Dictionary where Key == String, Value == String {
    /// The dictionary as an object with sorted keys.
    package var json: JSONValue {
        var object = JSONObject()
        for (key, value) in sorted(by: { $0.key < $1.key }) { object[key] = .string(value) }
        return .object(object)
    }
}

extension Language {
    /// All names, for messages.
    public static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}
