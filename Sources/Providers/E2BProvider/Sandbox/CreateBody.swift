import SandstormCore

/// What a sandbox is asked for with.
enum CreateBody {
    static func json(_ spec: SandboxSpec, template: String, seconds: Int, tag: SandboxTag) -> JSONValue {
        var body: JSONObject = [
            "templateID": .string(template), "timeout": .integer(seconds), "metadata": SandboxMetadata.json(tag), "envVars": [:],
            "autoPause": false,
        ]
        let rules = rules(spec.network)
        if rules.members.isEmpty { body["allow_internet_access"] = .bool(spec.network == .open) } else { body["network"] = .object(rules) }
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

    /// What a sandbox may reach from now on, which replaces what it might before.
    static func network(_ policy: NetworkPolicy) -> JSONValue {
        let rules = rules(policy)
        return rules.members.isEmpty ? ["allow_internet_access": .bool(policy == .open)] : .object(rules)
    }

    /// The lists that a policy is made of; none for one that is a word.
    private static func rules(_ policy: NetworkPolicy) -> JSONObject {
        switch policy {
        case .none, .open: [:]
        // What is allowed beats what is denied; names are taken only beside a denial of everything.
        case .allow(let hosts): ["allowOut": .strings(hosts), "denyOut": ["0.0.0.0/0"]]
        case .deny(let hosts, let allowed): ["allowOut": .strings(allowed), "denyOut": .strings(hosts)]
        }
    }

    /// The caller's own fields for this vendor.
    static func options(_ spec: SandboxSpec) -> JSONObject? { spec.providerOptions[E2BProvider.name.rawValue]?.objectValue }
}
