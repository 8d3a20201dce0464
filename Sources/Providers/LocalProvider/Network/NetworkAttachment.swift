/// What network a sandbox is launched into.
enum NetworkAttachment: Hashable, Sendable {
    /// A namespace of its own with a loopback interface only.
    case none
    /// The machine's own.
    case machine
    /// Namespaces that exist already, by their files.
    case joined(user: String, network: String)
}

/// Where a sandbox's programs find a resolver.
enum NameService: Hashable, Sendable {
    /// Nowhere, and nothing that only makes sense with a network.
    case none
    /// Where the machine's own do.
    case machine
    /// At the translator's address.
    case translated
    /// Nowhere, though there is a network.
    case addressesOnly
}
