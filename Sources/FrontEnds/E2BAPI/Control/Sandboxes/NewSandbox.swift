import HTTPTypes
import SandstormCore

/// The body of a request for a sandbox.
struct NewSandbox: Hashable, Sendable {
    /// The two versions of the route: they differ in what is meant where nothing is said.
    enum Version: Sendable {
        case one, two

        var timeout: Int {
            switch self {
            case .one: 15
            case .two: 300
            }
        }
    }

    var template: String
    /// Seconds.
    var timeout: Int
    var metadata: [String: String]
    var environment: [String: String]
    var autoPause: Bool
    var autoPauseMemory: Bool
    var autoResume: Bool
    var network: NetworkChoice

    init(_ reader: inout JSONReader, _ version: Version) throws(E2BError) {
        template = reader.requiredString("templateID")
        timeout = try Lifetime.read(&reader) ?? version.timeout
        metadata = reader.stringMap("metadata") ?? [:]
        environment = reader.stringMap("envVars") ?? [:]
        autoPause = reader.bool("autoPause") ?? false
        autoPauseMemory = reader.bool("autoPauseMemory") ?? true
        autoResume = false
        if let value = reader.value("autoResume") {
            var nested = JSONReader(value, at: "/autoResume")
            autoResume = nested.bool("enabled") ?? false
            reader.merge(nested.problems)
        }
        // Every sandbox is secured, as the vendor now has it.
        _ = reader.bool("secure")
        network = try NetworkChoice(&reader)
        try refuseTheRest(&reader)
    }

    private func refuseTheRest(_ reader: inout JSONReader) throws(E2BError) {
        if !autoPauseMemory, !autoPause { throw E2BError(.badRequest, "autoPauseMemory: false needs autoPause") }
        if !autoPauseMemory, autoResume {
            throw E2BError(.badRequest, "autoPauseMemory: false can't be combined with autoResume: there would be no memory to resume")
        }
        for name in environment.keys.sorted() where name.isEmpty || name.contains("=") || name.utf8.contains(0) {
            reader.report("envVars/\(JSONReader.escape(name))", "can't be set", remedy: "use a name without \"=\"")
        }
        for (name, value) in environment where value.utf8.contains(0) {
            reader.report("envVars/\(JSONReader.escape(name))", "contains a NUL byte", remedy: "remove it")
        }
        if let mounts = reader.value("volumeMounts"), mounts.arrayValue?.isEmpty != true {
            throw E2BError(.badRequest, "Volumes can't be mounted in sandboxes here")
        }
        if let iam = reader.value("iam"), iam["tokens"]?.objectValue?.members.isEmpty == false {
            throw E2BError(.badRequest, "Workload identity tokens are not issued here")
        }
    }
}

/// How long a sandbox is to live, in seconds.
enum Lifetime {
    /// The longest.
    static let maximum = 24 * 3600

    /// - Parameter zero: 0 is meant too, and ends a sandbox at once.
    static func read(_ reader: inout JSONReader, _ key: String = "timeout", zero: Bool = false) throws(E2BError) -> Int? {
        guard let seconds = reader.read(key, "is not a whole number", remedy: "send seconds", { $0.intValue }) else { return nil }
        guard seconds > 0 || zero && seconds == 0 else { throw E2BError(.badRequest, "Timeout must be greater than 0") }
        guard seconds <= maximum else {
            throw E2BError(.badRequest, "Timeout cannot be greater than \(maximum / 3600) hours")
        }
        return seconds
    }
}
