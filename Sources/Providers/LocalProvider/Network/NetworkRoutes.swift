import SandstormCore

/// Where a sandbox with a network may go. Of all that match an address the longest decides.
struct NetworkRoutes: Hashable, Sendable {
    struct Route: Hashable, Sendable {
        var range: IPv4Range
        var isAllowed: Bool
    }

    /// What is somebody's inside: private networks, shared address space, the link (cloud metadata above all), loopback, and what no connection
    /// goes to.
    static let inside: [IPv4Range] = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4",
    ].compactMap { IPv4Range($0) }

    private(set) var routes: [Route]

    /// For an open network: all but what is inside and the machine itself.
    ///
    /// - Parameters:
    ///   - machine: the machine's own addresses.
    ///   - exceptions: what the operator lets sandboxes reach all the same.
    init(openBut machine: [IPv4Range], exceptions: [IPv4Range]) {
        let everything = IPv4Range("0.0.0.0/0").map { [Route(range: $0, isAllowed: true)] } ?? []
        routes = Self.firsts(everything + Self.walls(machine, exceptions))
    }

    /// For an allow-list of networks and addresses.
    ///
    /// - Throws: `unsupported` for what can't be enforced, a name for instance, and for what the operator has not opened.
    init(only list: [String], machine: [IPv4Range], exceptions: [IPv4Range]) throws(ProviderError) {
        let refused = Self.inside + machine
        var allowed: [IPv4Range] = []
        for entry in list {
            guard let range = IPv4Range(entry) else {
                throw .unsupported("network allow-list: \(entry): only IPv4 networks such as 203.0.113.0/24 can be enforced here")
            }
            guard exceptions.contains(where: { $0.contains(range) }) || !refused.contains(where: { $0.contains(range) }) else {
                throw .unsupported("network allow-list: \(entry) is inside; the operator has not opened it to sandboxes")
            }
            allowed.append(range)
        }
        let nothing = IPv4Range("0.0.0.0/0").map { [Route(range: $0, isAllowed: false)] } ?? []
        let within = exceptions.filter { exception in allowed.contains { $0.contains(exception) } }
        routes = Self.firsts(allowed.map { Route(range: $0, isAllowed: true) } + Self.walls(machine, within) + nothing)
    }

    /// For a network that is open but for what is denied, where what is allowed beats that.
    ///
    /// - Throws: `unsupported` as for an allow-list.
    init(openBut denied: [String], allowing list: [String], machine: [IPv4Range], exceptions: [IPv4Range]) throws(ProviderError) {
        var refused: [IPv4Range] = []
        // There is no IPv6 to deny.
        for entry in denied where !entry.contains(":") {
            guard let range = IPv4Range(entry) else {
                throw .unsupported("network deny-list: \(entry): only IPv4 networks such as 203.0.113.0/24 can be enforced here")
            }
            refused.append(range)
        }
        let listed = try NetworkRoutes(only: list, machine: machine, exceptions: exceptions).routes.filter(\.isAllowed).map(\.range)
        refused.removeAll { denied in listed.contains { $0.contains(denied) } }
        // What the operator has opened is denied like all else, wherever it is the longer match.
        let open = exceptions.filter { exception in !refused.contains { $0.contains(exception) } }
        let everything = IPv4Range("0.0.0.0/0").map { [Route(range: $0, isAllowed: true)] } ?? []
        routes = Self.firsts(
            listed.map { Route(range: $0, isAllowed: true) } + refused.map { Route(range: $0, isAllowed: false) }
                + Self.walls(machine, open) + everything)
    }

    /// Nowhere.
    static let nowhere = NetworkRoutes(routes: IPv4Range("0.0.0.0/0").map { [Route(range: $0, isAllowed: false)] } ?? [])

    private init(routes: [Route]) { self.routes = routes }

    /// Of two routes to the same range the first counts.
    private static func firsts(_ routes: [Route]) -> [Route] {
        var seen: Set<IPv4Range> = []
        return routes.filter { seen.insert($0.range).inserted }
    }

    /// Exceptions first.
    private static func walls(_ machine: [IPv4Range], _ exceptions: [IPv4Range]) -> [Route] {
        exceptions.map { Route(range: $0, isAllowed: true) } + (inside + machine).map { Route(range: $0, isAllowed: false) }
    }

    /// As the agent's `network` takes them.
    var arguments: [String] { routes.flatMap { [$0.isAllowed ? "--allow" : "--refuse", "\($0.range)"] } }
}
