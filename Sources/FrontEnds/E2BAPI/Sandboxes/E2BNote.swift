import SandstormCore

/// What this dialect knows of a sandbox beyond what all others know. Kept with the sandbox, under ``key`` of its attributes; one that was made
/// with another dialect has the defaults.
struct E2BNote: Hashable, Sendable {
    /// The attribute.
    static let key = "e2b"

    /// The template's id.
    var template = "base"
    /// The name by which the template was asked for, if it has one.
    var alias: String?
    /// Given to every process, before its own.
    var environment: [String: String] = [:]
    /// The user as whom processes run that name none, and whose home relative paths begin in.
    var defaultUser = "user"
    /// Where processes start that name no directory; `nil` for the user's home.
    var workingDirectory: String?
    /// Traffic wakes it while it is paused.
    var autoResume = false
    /// The lifetime that was asked for last, in whole seconds.
    var timeout = 300
    /// Ports other than envd's answer to whoever knows the sandbox's id; else only with the traffic token.
    var allowsPublicTraffic = true
    /// The name by which servers inside are asked for; `${PORT}` stands for the port.
    var maskRequestHost: String?
    /// Ports whose servers speak TLS.
    var httpsPorts: [Int] = []
    /// As it was asked for; `nil` if nothing was.
    var allowInternetAccess: Bool?
    /// The member `network` as it was asked for, without passwords.
    var network: JSONValue?
    /// What runs in the background from the sandbox's start on.
    var startCommand: String?
    /// Succeeds once the sandbox is ready for its user.
    var readyCommand: String?
    /// A pause at the end of its time keeps processes; else files only.
    var autoPauseMemory = true
    /// What the pause that it is in keeps, if somebody asked for the pause: `full` or `filesystem`.
    var pauseMode: String?
}

extension E2BNote {
    /// The note on a sandbox.
    init(_ info: SandboxInfo) { self.init(info.attributes[E2BNote.key] ?? [:]) }

    /// Reads what ``json`` wrote; what is missing takes its default.
    init(_ json: JSONValue) {
        self.init()
        template = json["template"]?.stringValue ?? template
        alias = json["alias"]?.stringValue
        for member in json["environment"]?.objectValue?.members ?? [] { environment[member.key] = member.value.stringValue }
        defaultUser = json["defaultUser"]?.stringValue ?? defaultUser
        workingDirectory = json["workingDirectory"]?.stringValue
        autoResume = json["autoResume"]?.boolValue ?? autoResume
        timeout = json["timeout"]?.intValue ?? timeout
        allowsPublicTraffic = json["allowsPublicTraffic"]?.boolValue ?? allowsPublicTraffic
        maskRequestHost = json["maskRequestHost"]?.stringValue
        httpsPorts = json["httpsPorts"]?.arrayValue?.compactMap(\.intValue) ?? []
        allowInternetAccess = json["allowInternetAccess"]?.boolValue
        network = json["network"]
        startCommand = json["startCommand"]?.stringValue
        readyCommand = json["readyCommand"]?.stringValue
        autoPauseMemory = json["autoPauseMemory"]?.boolValue ?? autoPauseMemory
        pauseMode = json["pauseMode"]?.stringValue
    }

    /// The value of the attribute.
    var json: JSONValue {
        var object: JSONObject = [
            "template": .string(template), "environment": environment.json, "defaultUser": .string(defaultUser),
            "autoResume": .bool(autoResume), "timeout": .integer(timeout), "allowsPublicTraffic": .bool(allowsPublicTraffic),
        ]
        object["alias"] = alias.map(JSONValue.string)
        object["workingDirectory"] = workingDirectory.map(JSONValue.string)
        object["maskRequestHost"] = maskRequestHost.map(JSONValue.string)
        if !httpsPorts.isEmpty { object["httpsPorts"] = .array(httpsPorts.map { .integer($0) }) }
        object["allowInternetAccess"] = allowInternetAccess.map(JSONValue.bool)
        object["network"] = network
        object["startCommand"] = startCommand.map(JSONValue.string)
        object["readyCommand"] = readyCommand.map(JSONValue.string)
        if !autoPauseMemory { object["autoPauseMemory"] = false }
        object["pauseMode"] = pauseMode.map(JSONValue.string)
        return .object(object)
    }

    /// The attributes that hold it.
    var attributes: JSONObject { [E2BNote.key: json] }
}
