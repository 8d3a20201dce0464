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
        guard let colon = url.firstIndex(of: ":"), url[colon...].hasPrefix("://") else { return }
        let start = url.index(colon, offsetBy: 3)
        let authority = url[start...].prefix { $0 != "/" && $0 != "?" }
        let name = authority.prefix { $0 != ":" }
        guard name.lowercased().hasSuffix(".localhost") else { return }
        host = String(authority)
        self.url = String(url[..<start]) + "localhost" + url[name.endIndex...]
    }
}
