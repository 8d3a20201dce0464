import SandstormCore

/// What the control plane says about a sandbox, as far as it is needed to use it.
struct SandboxAccess: Hashable, Sendable {
    var id: String
    /// Opens envd; a secret.
    var token: String?
    /// Opens ports that are closed to the public; a secret.
    var trafficToken: String?
    /// What its host names end in, if that is not the account's.
    var domain: String?
    var version: EnvdVersion
    /// Known from answers that describe the sandbox.
    var memoryMiB: Int?

    /// Reads an answer of create, connect, or get; `nil` if what every such answer has is missing.
    init?(json: JSONValue) {
        guard let id = json["sandboxID"]?.stringValue, SandboxAccess.isID(id) else { return nil }
        self.id = id
        func text(_ key: String) -> String? { json[key]?.stringValue.flatMap { $0.isEmpty ? nil : $0 } }
        token = text("envdAccessToken")
        trafficToken = text("trafficAccessToken")
        domain = text("domain")
        version = EnvdVersion(text("envdVersion") ?? "")
        memoryMiB = json["memoryMB"]?.intValue
    }

    /// Whether `text` can be a sandbox's id: it becomes a part of paths and host names.
    static func isID(_ text: some StringProtocol) -> Bool {
        (1...63).contains(text.utf8.count) && text.utf8.allSatisfy { E2BAccount.isPlain($0) && $0 != UInt8(ascii: "_") }
    }
}

/// The version of the agent inside, by which some of what it can do is known.
struct EnvdVersion: Hashable, Sendable, Comparable {
    var numbers: [Int]

    /// Reads `0.6.13`, and as much as can be read of anything else.
    init(_ text: String) {
        numbers = text.split(separator: ".").prefix(3).map { part in Int(part.prefix { $0.isASCII && $0.isNumber }) ?? 0 }
        while numbers.count < 3 { numbers.append(0) }
    }

    static func < (left: EnvdVersion, right: EnvdVersion) -> Bool { left.numbers.lexicographicallyPrecedes(right.numbers) }

    /// Tells what it uses.
    static let metrics = EnvdVersion("0.1.5")
    /// A command may be started without input.
    static let optionalInput = EnvdVersion("0.3.0")
    /// The template names the usual user; before, each call must.
    static let defaultUser = EnvdVersion("0.4.0")
    /// Input can be ended.
    static let closeInput = EnvdVersion("0.5.2")
    /// Files may come as bytes rather than as a form.
    static let octetStream = EnvdVersion("0.5.7")
}
