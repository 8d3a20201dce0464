import HTTPTypes
import SandstormCore

/// What a sandbox may reach and who may reach it, as this dialect says it.
struct NetworkChoice: Hashable, Sendable {
    /// All addresses.
    private static let everything: Set<String> = ["0.0.0.0/0"]
    private static let maximumDenied = 100

    /// What the engine is asked for; `nil` where the caller leaves it to the gateway.
    var policy: NetworkPolicy?
    var allowInternetAccess: Bool?
    var allowsPublicTraffic = true
    var maskRequestHost: String?
    var httpsPorts: [Int] = []
    /// As it was asked for, without what is secret.
    var json: JSONValue?

    init() {}

    /// Reads `allow_internet_access` and `network` of a body.
    init(_ reader: inout JSONReader) throws(E2BError) {
        allowInternetAccess = reader.bool("allow_internet_access")
        guard let value = reader.value("network") else {
            policy = try NetworkChoice.policy(allow: [], deny: [], allowInternetAccess, servers: nil)
            return
        }
        var nested = JSONReader(value, at: "/network")
        try read(&nested)
        allowsPublicTraffic = nested.bool("allowPublicTraffic") ?? true
        maskRequestHost = nested.string("maskRequestHost")
        if let mask = maskRequestHost, mask.isEmpty || mask.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) {
            nested.report("maskRequestHost", "is no host", remedy: "send a name such as localhost:${PORT}")
        }
        if let ports = nested.value("httpsPorts") {
            httpsPorts = ports.arrayValue?.compactMap(\.intValue) ?? []
            if httpsPorts.count != ports.arrayValue?.count || !httpsPorts.allSatisfy({ (1...65_535).contains($0) }) {
                nested.report("httpsPorts", "is no list of ports", remedy: "send numbers from 1 to 65535")
            }
            if httpsPorts.contains(E2BAddress.envdPort) {
                nested.report("httpsPorts", "has the port of envd", remedy: "leave \(E2BAddress.envdPort) out")
            }
        }
        reader.merge(nested.problems)
        json = NetworkChoice.withoutSecrets(value)
    }

    /// Reads the body of a change: all that is not said is cleared.
    init(change reader: inout JSONReader) throws(E2BError) {
        allowInternetAccess = reader.bool("allow_internet_access")
        try read(&reader)
        var object = JSONObject()
        for key in NetworkChoice.changeable { object[key] = reader.value(key) }
        json = object.members.isEmpty ? nil : .object(object)
    }

    /// What a change replaces; all else of a sandbox's network stays.
    private static let changeable = ["allowOut", "denyOut", "dnsServers", "rules"]

    /// What was asked for, after this change.
    func changed(_ earlier: JSONValue?) -> JSONValue? {
        var object = earlier?.objectValue ?? [:]
        for key in NetworkChoice.changeable { object[key] = json?[key] }
        return object.members.isEmpty ? nil : .object(object)
    }

    private mutating func read(_ reader: inout JSONReader) throws(E2BError) {
        let allow = reader.strings("allowOut") ?? []
        let deny = reader.strings("denyOut") ?? []
        let servers = reader.strings("dnsServers")
        if let servers {
            if servers.count > 10 { reader.report("dnsServers", "has too many", remedy: "send at most 10") }
            for (index, server) in servers.enumerated() where !NetworkChoice.isAddress(server) {
                reader.report("dnsServers/\(index)", "is no IPv4 address", remedy: "send one such as 8.8.8.8")
            }
        }
        if reader.value("egressProxy") != nil { throw E2BError(.forbidden, "Egress proxies are not enabled here") }
        if let rules = reader.value("rules"), rules.objectValue?.members.isEmpty == false {
            throw E2BError(.badRequest, "Network rules that transform requests can't be enforced here")
        }
        for (index, entry) in deny.enumerated() where !NetworkChoice.isBlock(entry) {
            reader.report("denyOut/\(index)", "is neither an address nor a CIDR block", remedy: "send one such as 10.0.0.0/8")
        }
        for (index, entry) in allow.enumerated() where !NetworkChoice.isBlock(entry) && !NetworkChoice.isName(entry) {
            reader.report("allowOut/\(index)", "is neither a name, nor an address, nor a CIDR block", remedy: "send one such as *.pypi.org")
        }
        guard reader.problems.isEmpty else { return }
        policy = try NetworkChoice.policy(allow: allow, deny: deny, allowInternetAccess, servers: servers)
    }

    /// - Throws: 400 for what no back end can enforce.
    private static func policy(
        allow: [String], deny: [String], _ allowInternetAccess: Bool?, servers: [String]?
    ) throws(E2BError) -> NetworkPolicy? {
        let deniesAll = allowInternetAccess == false || deny.contains { everything.contains($0) }
        if allow.contains(where: isName), !deniesAll {
            throw E2BError(
                .badRequest,
                "When specifying allowed domains in allow out, you must include '0.0.0.0/0' in deny out to block all other traffic.")
        }
        guard deniesAll else {
            guard deny.count <= maximumDenied else { throw E2BError(.badRequest, "At most \(maximumDenied) addresses can be denied") }
            if !deny.isEmpty { return .deny(deny, allow: allow) }
            // An explicit wish is a demand; else what there is must do.
            return allowInternetAccess == true ? .open : nil
        }
        if allow.contains(where: { everything.contains($0) }) { return .open }
        if let servers, !servers.isEmpty, allow.contains(where: isName) {
            throw E2BError(.badRequest, "DNS servers of one's own can't be enforced here beside allowed domains")
        }
        return allow.isEmpty ? NetworkPolicy.none : .allow(allow)
    }

    // MARK: Forms

    static func isAddress(_ text: String) -> Bool { !text.contains("/") && IPv4Block(text) != nil }

    /// An IPv4 address or block, or text that can only be an IPv6 one.
    static func isBlock(_ text: String) -> Bool {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let isSix = parts[0].contains(":") && parts[0].allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
        guard isSix || isAddress(String(parts[0])) else { return false }
        guard parts.count == 2 else { return true }
        return !parts[1].isEmpty && parts[1].allSatisfy(\.isASCIIDigit) && (Int(parts[1]) ?? .max) <= (isSix ? 128 : 32)
    }

    static func isName(_ text: String) -> Bool {
        guard !isBlock(text) else { return false }
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                !label.isEmpty && label.utf8.count <= 63
                    && label.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            }
    }

    private static func withoutSecrets(_ value: JSONValue) -> JSONValue? {
        guard var object = value.objectValue else { return nil }
        object["egressProxy"] = nil
        return .object(object)
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}
