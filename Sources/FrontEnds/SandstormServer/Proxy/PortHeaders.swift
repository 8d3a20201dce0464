import HTTPTypes
import NIOHTTP1
import SandstormCore

/// What of a request's and a response's header fields goes through to the other side.
enum PortHeaders {
    /// Fields that are about one connection.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding",
        "upgrade", "http2-settings",
    ]
    /// Fields by which a response speaks for all of its origin, which is not the sandbox's but the gateway's.
    private static let originWide: Set<String> = [
        "clear-site-data", "strict-transport-security", "public-key-pins", "service-worker-allowed", "alt-svc", "nel", "report-to",
        "reporting-endpoints", "origin-agent-cluster",
    ]
    /// Every page of a sandbox is of an origin of its own, whatever it says of itself: it may run scripts, and can't speak for whoever uses
    /// the gateway.
    static let contentPolicy = "sandbox allow-scripts allow-forms allow-modals allow-popups allow-downloads allow-pointer-lock"
    /// What the gateway's own secrets and cookies begin with.
    private static let ownPrefix = "sandstorm"

    // MARK: Requests

    /// The fields for the port's server.
    ///
    /// - Parameters:
    ///   - head: as it came.
    ///   - endpoint: whose fields are added.
    ///   - host: the value of `Host`.
    ///   - client: the client's address.
    static func request(
        _ head: HTTPRequest, to endpoint: SandboxEndpoint, host: String, prefix: String, client: String?
    ) -> HTTPHeaders {
        let listed = listedByConnection(head.headerFields[values: .connection])
        var headers = HTTPHeaders([("Host", host)])
        for field in head.headerFields {
            let name = field.name.canonicalName
            guard !hopByHop.contains(name), !listed.contains(name), name != "host", name != "expect" else { continue }
            switch name {
            case "authorization", "x-api-key": if isOwn(field.value) { continue }
            case "cookie":
                let cookies = foreignCookies(field.value)
                if !cookies.isEmpty { headers.add(name: "Cookie", value: cookies) }
                continue
            case "sec-websocket-protocol": continue
            case "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix", "forwarded": continue
            default: break
            }
            headers.add(name: field.name.rawName, value: field.value)
        }
        let subprotocols = OfferedSubprotocols(head.headerFields).foreignNames
        if !subprotocols.isEmpty { headers.add(name: "Sec-WebSocket-Protocol", value: subprotocols.joined(separator: ", ")) }
        let before = head.headerFields[values: .forwardedFor]
        let path = before + (client.map { [$0] } ?? [])
        if !path.isEmpty { headers.add(name: "X-Forwarded-For", value: path.joined(separator: ", ")) }
        if let authority = head.authority { headers.add(name: "X-Forwarded-Host", value: authority) }
        headers.add(name: "X-Forwarded-Proto", value: head.headerFields[.forwardedProto] ?? head.scheme ?? "http")
        if !prefix.isEmpty { headers.add(name: "X-Forwarded-Prefix", value: prefix) }
        for (name, value) in endpoint.headers { headers.replaceOrAdd(name: name, value: value) }
        return headers
    }

    /// Whether this is a key of the gateway's, with or without a scheme before it.
    private static func isOwn(_ value: String) -> Bool {
        let secret = value.split(separator: " ").last ?? ""
        return secret.hasPrefix(ownPrefix + "_")
    }

    private static func foreignCookies(_ value: String) -> String {
        value.split(separator: ";").map { $0.drop { $0 == " " } }.filter { !$0.lowercased().hasPrefix(ownPrefix) }.joined(separator: "; ")
    }

    // MARK: Responses

    /// The fields for the client.
    ///
    /// - Parameter prefix: where the port's pages begin; empty if they have an origin of their own, for which they may speak.
    static func response(_ headers: HTTPHeaders, prefix: String) -> HTTPFields {
        let listed = listedByConnection(headers["connection"])
        var fields = HTTPFields()
        for (rawName, value) in headers {
            let name = rawName.lowercased()
            guard !hopByHop.contains(name), !listed.contains(name), prefix.isEmpty || !originWide.contains(name),
                let fieldName = HTTPField.Name(rawName)
            else { continue }
            if name == "set-cookie" {
                if let cookie = confined(value, to: prefix) { fields.append(HTTPField(name: fieldName, value: cookie)) }
                continue
            }
            fields.append(HTTPField(name: fieldName, value: value))
        }
        if !prefix.isEmpty { fields.append(HTTPField(name: .contentSecurityPolicy, value: contentPolicy)) }
        return fields
    }

    /// A cookie that is sent back to this port only; `nil` for one that would pass for the gateway's own.
    private static func confined(_ cookie: String, to prefix: String) -> String? {
        let parts = cookie.split(separator: ";", omittingEmptySubsequences: false).map { $0.drop { $0 == " " } }
        guard let pair = parts.first, !pair.lowercased().hasPrefix(ownPrefix) else { return nil }
        let kept = parts.dropFirst().filter { part in
            let name = part.prefix { $0 != "=" && $0 != " " }.lowercased()
            // Nor may a page set one for its siblings.
            return name != "domain" && (prefix.isEmpty || name != "path")
        }
        if prefix.isEmpty { return ([pair] + kept).joined(separator: "; ") }
        // A name with this prefix demands the whole origin, which the cookie is not to have.
        guard !pair.lowercased().hasPrefix("__host-") else { return nil }
        return ([pair] + kept + ["Path=\(prefix)/"]).joined(separator: "; ")
    }

    private static func listedByConnection(_ values: [String]) -> Set<String> {
        Set(values.flatMap { $0.split(separator: ",") }.map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() })
    }
}
