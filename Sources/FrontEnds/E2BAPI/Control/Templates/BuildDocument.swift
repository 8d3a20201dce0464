import SandstormCore

/// What a template is made of and what its sandboxes are like, beyond their resources; kept with the build.
struct BuildDocument: Hashable, Sendable {
    var image: String?
    var environment: [String: String] = [:]
    var user = "user"
    var workingDirectory: String?
    var startCommand: String?
    var readyCommand: String?
    /// Of all that it is made of: two builds of the same digest are alike.
    var digest: String?
    /// The snapshot was taken for this template, and goes with it.
    var ownsSnapshot = false

    init() {}

    init(_ object: JSONObject) {
        image = object["image"]?.stringValue
        for member in object["environment"]?.objectValue?.members ?? [] { environment[member.key] = member.value.stringValue }
        user = object["user"]?.stringValue ?? user
        workingDirectory = object["workingDirectory"]?.stringValue
        startCommand = object["startCommand"]?.stringValue
        readyCommand = object["readyCommand"]?.stringValue
        digest = object["digest"]?.stringValue
        ownsSnapshot = object["ownsSnapshot"]?.boolValue ?? false
    }

    var json: JSONObject {
        var object: JSONObject = ["environment": environment.json, "user": .string(user)]
        object["image"] = image.map(JSONValue.string)
        object["workingDirectory"] = workingDirectory.map(JSONValue.string)
        object["startCommand"] = startCommand.map(JSONValue.string)
        object["readyCommand"] = readyCommand.map(JSONValue.string)
        object["digest"] = digest.map(JSONValue.string)
        if ownsSnapshot { object["ownsSnapshot"] = true }
        return object
    }
}
