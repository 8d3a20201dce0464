import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Where a gateway listens, and the addresses of what it offers.
struct GatewayAddress: Hashable, Sendable, CustomStringConvertible {
    /// Without a slash at its end.
    private let base: String

    /// Takes `http://host[:port][/prefix]` or the same with `https`.
    ///
    /// - Throws: ``SandstormError`` of kind `configuration` that says what would be right.
    init(_ text: String) throws(SandstormError) {
        func refusal(_ reason: String) -> SandstormError {
            SandstormError(.configuration, "the gateway's address \"\(text.prefix(200))\" \(reason)")
        }
        guard text.contains("://") else { throw refusal("has no scheme; write http://… or https://…") }
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty else { throw refusal("is not a URL") }
        guard ["http", "https"].contains(parts.scheme?.lowercased()) else { throw refusal("is neither http:// nor https://") }
        guard parts.user == nil, parts.password == nil else {
            throw SandstormError(.configuration, "the gateway's address contains a user name or password; pass the API key by itself")
        }
        guard parts.query == nil, parts.fragment == nil else { throw refusal("has a query; leave out everything from \"?\" or \"#\"") }
        base = text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    var description: String { base }

    /// The address of a path below, such as `/v1/runs`.
    func url(_ path: String, query: [(name: String, value: String)] = []) -> String {
        guard !query.isEmpty else { return base + path }
        // Only names and identifiers come here: nothing that would have to be escaped.
        return base + path + "?" + query.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }
}
