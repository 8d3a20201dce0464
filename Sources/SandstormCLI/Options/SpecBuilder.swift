import Sandstorm

/// Turns the options about a sandbox into a spec and constraints in the API's JSON, and collects what is wrong with them.
struct SpecBuilder {
    var spec = JSONObject()
    var constraints = JSONObject()
    var problems: [OptionProblem] = []

    mutating func report(_ place: String, _ detail: String, remedy: String) {
        problems.append(OptionProblem(place, detail, remedy: remedy))
    }

    /// Takes all options; one that was not given leaves what is there.
    mutating func add(_ options: SandboxOptions) {
        addSurroundings(options)
        addResources(options)
        addConstraints(options)
    }

    /// The request for a sandbox to live in.
    ///
    /// - Throws: ``CommandFailure`` with every problem.
    static func request(from options: SandboxOptions, snapshot: String?) throws -> SandboxRequest {
        var builder = SpecBuilder()
        builder.add(options)
        var request: JSONObject = ["spec": .object(builder.spec), "constraints": .object(builder.constraints)]
        request["snapshotId"] = snapshot.map(JSONValue.string)
        do throws(InvalidRequest) {
            var request = try SandboxRequest(json: .object(request))
            request.idempotencyKey = options.idempotencyKey
            if builder.problems.isEmpty { return request }
        } catch {
            builder.problems += error.problems.map { OptionProblem($0) }
        }
        throw CommandFailure(builder.problems)
    }

    private mutating func addSurroundings(_ options: SandboxOptions) {
        add(pairs: options.environment, to: "environment", option: "--env")
        add(pairs: options.labels, to: "metadata", option: "--label")
        addFiles(options)
        if let network = options.network {
            switch network {
            case "none", "open": spec["network"] = .string(network)
            default: spec["network"] = ["allow": .strings(network.split(separator: ",").map(String.init))]
            }
        }
        if let region = options.region { spec["region"] = .string(region) }
        if let isolation = options.isolation { spec["isolation"] = .string(isolation) }
        if let image = options.image { spec["image"] = .string(image) }
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

    private mutating func addFiles(_ options: SandboxOptions) {
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

    private mutating func addResources(_ options: SandboxOptions) {
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

    private mutating func addConstraints(_ options: SandboxOptions) {
        if let amount = options.maxCost { constraints["maxCost"] = .string(amount) }
        if let time = options.maxLatency {
            constraints["maxLatency"] = milliseconds(time, "--max-latency", example: "500ms or 2s") ?? constraints["maxLatency"]
        }
        if !options.prefer.isEmpty { constraints["preferredProviders"] = .strings(options.prefer) }
        if !options.exclude.isEmpty { constraints["excludeProviders"] = .strings(options.exclude) }
        if let objective = options.objective {
            let weights = RoutingOption.weights(objective)
            constraints["weights"] = weights
            constraints["objective"] = weights == nil ? .string(objective) : nil
        }
        if let route = options.route {
            if let rule = RoutingOption.rule(route) {
                constraints["routing"] = rule
            } else {
                report("--route", "\"\(route)\" is no rule", remedy: "give e2b, or e2b,daytona, or e2b=70,daytona=30, or a rule in JSON")
            }
        }
        if let session = options.session { constraints["sessionKey"] = .string(session) }
        if options.noExplore { constraints["explore"] = false }
    }

    private mutating func milliseconds(_ text: String, _ option: String, example: String) -> JSONValue? {
        if let duration = Duration(parsing: text) { return .integer(duration.wholeMilliseconds) }
        report(option, "\"\(text)\" is no length of time", remedy: "give \(example)")
        return nil
    }
}
