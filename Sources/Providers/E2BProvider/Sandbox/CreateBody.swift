import SandstormCore

/// What a sandbox is asked for with.
enum CreateBody {
    static func json(_ spec: SandboxSpec, template: String, seconds: Int, tag: SandboxTag) -> JSONValue {
        var body: JSONObject = [
            "templateID": .string(template), "timeout": .integer(seconds), "metadata": SandboxMetadata.json(tag), "envVars": [:],
            "autoPause": false,
        ]
        switch spec.network {
        case .none: body["allow_internet_access"] = false
        case .open: body["allow_internet_access"] = true
        // What is allowed beats what is denied; names are taken only beside a denial of everything.
        case .allow(let hosts): body["network"] = ["allowOut": .strings(hosts), "denyOut": ["0.0.0.0/0"]]
        case .deny(let hosts, let allowed): body["network"] = ["allowOut": .strings(allowed), "denyOut": .strings(hosts)]
        }
        for member in options(spec)?.members ?? [] {
            switch member.key {
            // Ours: the template has been chosen by it, and what is known again by, and paid for, is not the caller's.
            case "templateID", "metadata", "timeout": continue
            case "network":
                var network = body["network"]?.objectValue ?? JSONObject()
                for field in member.value.objectValue?.members ?? [] where network[field.key] == nil { network[field.key] = field.value }
                body["network"] = .object(network)
            case "allow_internet_access": continue
            default: body[member.key] = member.value
            }
        }
        return .object(body)
    }

    /// The caller's own fields for this vendor.
    static func options(_ spec: SandboxSpec) -> JSONObject? { spec.providerOptions[E2BProvider.name.rawValue]?.objectValue }
}
