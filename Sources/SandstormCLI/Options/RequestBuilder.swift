import Sandstorm

/// Makes a request of options, and collects what is wrong with them.
///
/// The options become the request in the API's JSON, which is then read by the rules that a gateway has: there is one set
/// of rules, and one place that knows the defaults.
struct RequestBuilder {
    private let options: RunOptions
    private var spec = JSONObject()
    private var constraints = JSONObject()
    private var problems: [OptionProblem] = []
    /// The whole request of a spec file, of which the options change parts.
    private var request = JSONObject()

    init(_ options: RunOptions) { self.options = options }

    /// The request.
    ///
    /// - Throws: ``CommandFailure`` with every problem; nothing was started.
    static func request(from options: RunOptions) async throws -> RunRequest {
        let input = options.stdin ? try await StandardInput.readAll() : nil
        var builder = RequestBuilder(options)
        return try builder.build(input: input)
    }

    private mutating func build(input: [UInt8]?) throws -> RunRequest {
        readSpecFile()
        addProgram()
        addSurroundings(input)
        addResources()
        addConstraints()
        request["spec"] = .object(spec)
        if !constraints.members.isEmpty { request["constraints"] = .object(constraints) }
        if options.detach { request["detached"] = true }
        do throws(InvalidRequest) {
            var request = try RunRequest(json: .object(request))
            request.idempotencyKey = options.idempotencyKey
            if problems.isEmpty { return request }
        } catch {
            problems += error.problems.map { OptionProblem($0, origin: options.spec) }.filter { !isConsequence($0) }
        }
        throw CommandFailure(problems)
    }

    /// A program that could not be read is missing in the request as well, which need not be told.
    private func isConsequence(_ problem: OptionProblem) -> Bool {
        hasProgramProblem && (problem.place == "the code" || problem.place == "--language")
    }

    private var hasProgramProblem = false

    private mutating func report(_ place: String, _ detail: String, remedy: String) {
        problems.append(OptionProblem(place, detail, remedy: remedy))
    }

    private mutating func reportProgram(_ place: String, _ detail: String, remedy: String) {
        hasProgramProblem = true
        report(place, detail, remedy: remedy)
    }

    // MARK: Parts

    private mutating func readSpecFile() {
        guard let path = options.spec else { return }
        do throws(OptionProblem.Thrown) {
            let bytes = try LocalFile(path).read(as: "--spec")
            let json: JSONValue
            do throws(JSONSyntaxError) { json = try JSONValue(parsing: bytes) } catch {
                throw .init(OptionProblem("--spec", "\(path) is not JSON: \(error)", remedy: "correct the file"))
            }
            guard let object = json.objectValue else {
                throw .init(OptionProblem("--spec", "\(path) holds no JSON object", remedy: "write {\"code\": …, \"language\": …}"))
            }
            request = object["spec"] == nil ? [:] : object
            spec = object["spec"] == nil ? object : object["spec"]?.objectValue ?? [:]
            constraints = request["constraints"]?.objectValue ?? [:]
        } catch {
            hasProgramProblem = true
            problems.append(error.problem)
        }
    }

    private mutating func addProgram() {
        let given = [options.file, options.code, options.command.isEmpty ? nil : "--"].compactMap(\.self).count
        if given > 1 {
            reportProgram("FILE, -c and --", "are given together", remedy: "give one of them")
            return
        }
        if given == 1 {
            for key in ["code", "command"] { spec[key] = nil }
        } else if spec["code"] == nil, spec["command"] == nil, options.spec == nil {
            reportProgram("", "there is nothing to run", remedy: "name a FILE, or give -c CODE, or -- COMMAND")
        }
        if !options.command.isEmpty {
            spec["command"] = .strings(options.command)
            if !options.arguments.isEmpty {
                report("--arg", "is given with a command", remedy: "write the arguments after the command")
            }
        }
        if let code = options.code { spec["code"] = .string(code) }
        if let path = options.file { addFile(path) }
        if let language = options.language { spec["language"] = .string(language) }
        if !options.arguments.isEmpty { spec["arguments"] = .strings(options.arguments) }
    }

    private mutating func addFile(_ path: String) {
        do throws(OptionProblem.Thrown) {
            let file = LocalFile(path)
            let bytes = try file.read(as: "FILE")
            guard let code = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
                throw .init(
                    OptionProblem("FILE", "\(path) is not text", remedy: "name a source file in UTF-8, or run a program with -- COMMAND"))
            }
            spec["code"] = .string(code)
            spec["language"] = nil
            guard options.language == nil else { return }
            guard let language = Language(fileExtension: file.fileExtension) else {
                let what =
                    file.fileExtension.isEmpty ? "has no extension" : "has the extension .\(file.fileExtension), which no language here has"
                throw .init(OptionProblem("FILE", "\(path) \(what)", remedy: "say the language with --language: \(Language.names)"))
            }
            spec["language"] = .string(language.rawValue)
        } catch {
            hasProgramProblem = true
            problems.append(error.problem)
        }
    }

    private mutating func addSurroundings(_ input: [UInt8]?) {
        if !options.requirements.isEmpty { spec["requirements"] = .strings(options.requirements) }
        add(pairs: options.environment, to: "environment", option: "--env")
        add(pairs: options.labels, to: "metadata", option: "--label")
        addFiles()
        if let input {
            spec["stdinBase64"] = nil
            spec["stdin"] = nil
            spec.setBytes(input, "stdin")
        }
        if let network = options.network {
            switch network {
            case "none", "open": spec["network"] = .string(network)
            default: spec["network"] = ["allow": .strings(network.split(separator: ",").map(String.init))]
            }
        }
        if let region = options.region { spec["region"] = .string(region) }
        if let isolation = options.isolation { spec["isolation"] = .string(isolation) }
        if let image = options.image { spec["image"] = .string(image) }
        if options.idempotent { spec["idempotent"] = true }
    }

    private mutating func add(pairs: [String], to key: String, option: String) {
        guard !pairs.isEmpty else { return }
        var map = spec[key]?.objectValue ?? [:]
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, !parts[0].isEmpty {
                map[String(parts[0])] = .string(String(parts[1]))
            } else {
                report(option, "\"\(pair)\" is no name and value", remedy: "write NAME=VALUE")
            }
        }
        spec[key] = .object(map)
    }

    private mutating func addFiles() {
        guard !options.files.isEmpty else { return }
        var files = spec["files"]?.arrayValue ?? []
        if let object = spec["files"]?.objectValue {
            files = object.members.map { member in
                guard case .object(var file) = member.value else { return ["path": .string(member.key), "content": member.value] }
                file["path"] = .string(member.key)
                return .object(file)
            }
        }
        for argument in options.files {
            do throws(OptionProblem.Thrown) {
                let (local, path) = LocalFile.split(argument)
                var file: JSONObject = ["path": .string(path ?? local.name)]
                file.setBytes(try local.read(as: "--file"), "content")
                if local.isExecutable { file["mode"] = "0755" }
                files.append(.object(file))
            } catch {
                problems.append(error.problem)
            }
        }
        spec["files"] = .array(files)
    }

    private mutating func addResources() {
        if let cpu = options.cpu {
            if let number = Double(cpu), number.isFinite {
                spec["cpu"] = .number("\(number)")
            } else {
                report("--cpu", "\"\(cpu)\" is no number", remedy: "give vCPUs such as 2 or 0.5")
            }
        }
        if let memory = options.memory {
            if let size = ByteSize(parsing: memory, bareUnit: .mebibyte), let mebibytes = size.whole(.mebibyte) {
                spec["memory"] = .integer(mebibytes)
            } else {
                report("--memory", "\"\(memory)\" is no size", remedy: "give 512MiB, 1GiB, or a number of MiB")
            }
        }
        if let disk = options.disk {
            if let size = ByteSize(parsing: disk, bareUnit: .gibibyte), let gibibytes = size.whole(.gibibyte) {
                spec["disk"] = .integer(gibibytes)
            } else {
                report("--disk", "\"\(disk)\" is no size in whole GiB", remedy: "give 1GiB or 10GiB")
            }
        }
        if let gpu = options.gpu {
            let parts = gpu.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 1 {
                spec["gpu"] = .string(gpu)
            } else if let count = Int(parts[1]) {
                spec["gpu"] = ["type": .string(parts[0]), "count": .integer(count)]
            } else {
                report("--gpu", "\"\(gpu)\" is no type and number", remedy: "give a type and 1 to 16 of them, such as L4:2")
            }
        }
        if let time = options.timeout { spec["timeout"] = milliseconds(time, "--timeout", example: "30s, 5m or 2h") ?? spec["timeout"] }
    }

    private mutating func addConstraints() {
        if let amount = options.maxCost { constraints["maxCost"] = .string(amount) }
        if let time = options.maxLatency {
            constraints["maxLatency"] = milliseconds(time, "--max-latency", example: "500ms or 2s") ?? constraints["maxLatency"]
        }
        if !options.prefer.isEmpty { constraints["preferredProviders"] = .strings(options.prefer) }
        if !options.exclude.isEmpty { constraints["excludeProviders"] = .strings(options.exclude) }
        if let objective = options.objective { constraints["objective"] = .string(objective) }
    }

    private mutating func milliseconds(_ text: String, _ option: String, example: String) -> JSONValue? {
        if let duration = Duration(parsing: text) { return .integer(duration.wholeMilliseconds) }
        report(option, "\"\(text)\" is no length of time", remedy: "give \(example)")
        return nil
    }
}
