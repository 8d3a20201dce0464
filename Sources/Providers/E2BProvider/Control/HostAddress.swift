/// A URL as it is connected to, and the host that it is meant for where the two differ.
///
/// Names below `.localhost` are this machine (RFC 6761, section 6.3), which not every resolver knows: they are connected to as `localhost`,
/// and said in the field `Host`. Over TLS the certificate must then name `localhost` too.
struct HostAddress: Hashable, Sendable {
    var url: String
    /// For the field `Host`; `nil` if the URL says it.
    var host: String?

    init(_ url: String) {
        self.url = url
        guard let scheme = url.range(of: "://") else { return }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" }
        let name = authority.prefix { $0 != ":" }
        guard name.lowercased().hasSuffix(".localhost") else { return }
        host = String(authority)
        self.url = String(url[..<scheme.upperBound]) + "localhost" + url[name.endIndex...]
    }
}
