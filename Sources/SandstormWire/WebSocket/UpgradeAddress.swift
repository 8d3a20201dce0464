#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// Where an HTTP server that upgrades connections listens.
package enum UpgradeAddress: Hashable, Sendable {
    case host(String, port: Int, isSecure: Bool)
    case unixSocket(path: String)

    /// The server that a URL names: `ws`, `wss`, `http`, `https`, or `ws+unix` and `http+unix` with the socket's path, percent-encoded, as
    /// the host. `nil` for any other.
    package init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), let host = url.host(percentEncoded: false), !host.isEmpty else { return nil }
        switch scheme {
        case "ws", "http": self = .host(UpgradeAddress.bare(host), port: url.port ?? 80, isSecure: false)
        case "wss", "https": self = .host(UpgradeAddress.bare(host), port: url.port ?? 443, isSecure: true)
        case "ws+unix", "http+unix": self = .unixSocket(path: host)
        default: return nil
        }
    }

    /// The value of `Host`.
    package var authority: String {
        switch self {
        case .host(let host, let port, let isSecure):
            let name = host.contains(":") ? "[\(host)]" : host
            return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
        case .unixSocket: return "localhost"
        }
    }

    /// An IPv6 address without its brackets.
    private static func bare(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }
}
