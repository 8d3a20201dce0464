import HTTPTypes
import Hummingbird
package import HummingbirdCore

/// What keeps web pages away from a gateway without keys.
///
/// A page can post to `http://127.0.0.1` without asking anybody (the browser only hides the answer), and with a host name of its own that
/// resolves to this machine it may even read the answers. Browsers say where a request comes from and to which name it goes; that is judged.
package enum SameMachineRule {
    /// - Parameter takesAnyOrigin: pages of any origin may ask, if they know a sandbox's id, which nobody can guess: a sandbox's own pages are
    ///   of an opaque origin (see ``PortHeaders/contentPolicy``), and what they load from their port comes from another one by that.
    /// - Throws: ``Problem`` of kind `forbiddenOrigin`.
    package static func check(_ request: Request, takesAnyOrigin: Bool = false) throws(Problem) {
        let authority = request.head.authority ?? ""
        guard isLoopback(authority) else {
            throw Problem(
                .forbiddenOrigin,
                "this gateway has no API keys and answers only to localhost, 127.0.0.1 or [::1]; start it with keys to use another name")
        }
        if takesAnyOrigin { return }
        if let origin = request.headers[.origin], !isSame(origin, as: authority) {
            throw Problem(.forbiddenOrigin, "this gateway has no API keys and takes no requests from web pages of another origin")
        }
        if let site = request.headers[.fetchSite], site != "same-origin", site != "none" {
            throw Problem(.forbiddenOrigin, "this gateway has no API keys and takes no requests from web pages of another origin")
        }
    }

    /// `localhost` or a name below it, `127.x.y.z` or `[::1]`, with or without a port. Nobody can have a name below `localhost` lead elsewhere
    /// (RFC 6761), as browsers know too.
    package static func isLoopback(_ authority: String) -> Bool {
        let host: Substring
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { return false }
            host = authority[...end]
            guard isPort(authority[authority.index(after: end)...]) else { return false }
        } else {
            host = authority.prefix { $0 != ":" }
            guard isPort(authority.dropFirst(host.count)) else { return false }
        }
        switch host.lowercased() {
        case "localhost", "localhost.", "[::1]": return true
        case let name where name.hasSuffix(".localhost"): return true
        default:
            // All four numbers: a name such as 127.0.0.1.example.com is nobody's loopback.
            let parts = host.split(separator: ".", omittingEmptySubsequences: false)
            return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.isEmpty || (text.first == ":" && UInt16(text.dropFirst()) != nil)
    }

    private static func isSame(_ origin: String, as authority: String) -> Bool {
        let authority = authority.lowercased()
        return ["http://\(authority)", "https://\(authority)"].contains(origin.lowercased())
    }
}
