/// What a sandbox may reach.
public enum NetworkPolicy: Hashable, Sendable {
    /// Nothing but its own loopback interface; the default.
    case none
    /// Everything that the place can reach.
    case open
    /// Only these hosts, each a name, a `*.suffix` or a CIDR block.
    case allow([String])
    /// Everything that the place can reach, but not these, each an address or a CIDR block; what is allowed beats what is denied.
    case deny([String], allow: [String] = [])
}

extension NetworkPolicy {
    /// The policy as in a spec: `"none"`, `"open"`, `{"allow": ["pypi.org"]}` or `{"deny": ["203.0.113.0/24"], "allow": ["203.0.113.7"]}`.
    public var json: JSONValue {
        switch self {
        case .none: "none"
        case .open: "open"
        case .allow(let hosts): ["allow": .strings(hosts)]
        case .deny(let hosts, let allowed):
            allowed.isEmpty ? ["deny": .strings(hosts)] : ["deny": .strings(hosts), "allow": .strings(allowed)]
        }
    }

    init?(json: JSONValue) {
        switch json {
        case "none": self = .none
        case "open": self = .open
        default:
            guard let object = json.objectValue, object.members.allSatisfy({ ["allow", "deny"].contains($0.key) }) else { return nil }
            func names(_ key: String) -> [String]? {
                guard let hosts = object[key]?.arrayValue else { return nil }
                let names = hosts.compactMap(\.stringValue)
                return names.count == hosts.count && !names.isEmpty && !names.contains("") ? names : nil
            }
            let (allowed, denied) = (names("allow"), names("deny"))
            guard (allowed != nil) == (object["allow"] != nil), (denied != nil) == (object["deny"] != nil) else { return nil }
            switch (allowed, denied) {
            case (let allowed, let denied?): self = .deny(denied, allow: allowed ?? [])
            case (let allowed?, nil): self = .allow(allowed)
            case (nil, nil): return nil
            }
        }
    }
}
