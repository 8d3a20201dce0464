/// What a sandbox may reach.
public enum NetworkPolicy: Hashable, Sendable {
    /// Nothing but its own loopback interface; the default.
    case none
    /// Everything that the place can reach.
    case open
    /// Only these hosts, each a name, a `*.suffix` or a CIDR block.
    case allow([String])
}

extension NetworkPolicy {
    /// The policy as in a spec: `"none"`, `"open"` or `{"allow": ["pypi.org"]}`.
    public var json: JSONValue {
        switch self {
        case .none: "none"
        case .open: "open"
        case .allow(let hosts): ["allow": .strings(hosts)]
        }
    }

    init?(json: JSONValue) {
        switch json {
        case "none": self = .none
        case "open": self = .open
        default:
            guard let object = json.objectValue, object.members.count == 1, let hosts = object["allow"]?.arrayValue else { return nil }
            let names = hosts.compactMap(\.stringValue)
            guard names.count == hosts.count, !names.isEmpty, !names.contains("") else { return nil }
            self = .allow(names)
        }
    }
}
