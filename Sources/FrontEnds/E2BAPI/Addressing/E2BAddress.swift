import HTTPTypes
import SandstormCore
import SandstormServer

/// Where in this dialect a request goes, by its host, its path and its fields.
///
/// Three forms lead here: a path below `/e2b` (for `E2B_API_URL` and `E2B_SANDBOX_URL`), names below a domain of our own (for `E2B_DOMAIN`),
/// and, on any host, fields that name a sandbox.
enum E2BAddress: Hashable, Sendable {
    /// The control plane, and the path there.
    case control(path: String)
    /// A port of a sandbox, and the path there; `origin` says how the client got there.
    case sandbox(String, port: Int, path: String, origin: Origin)
    /// One of the forms, but not as it must be. For the client.
    case wrong(String)

    enum Origin: Hashable, Sendable {
        /// By a host name that is this port's alone.
        case ownHost
        /// By fields of the request.
        case fields
    }

    /// The path below which everything is, on hosts that are not of the domain.
    static let prefix = "/e2b"
    /// envd's port inside every sandbox.
    static let envdPort = 49_983
    /// The code interpreter's.
    static let interpreterPort = 49_999

    private static let sandboxField = HTTPField.Name.known("E2b-Sandbox-Id")
    private static let portField = HTTPField.Name.known("E2b-Sandbox-Port")

    /// - Parameter domain: whose names lead here, without a port; `nil` if none does.
    /// - Returns: `nil` for a request in another dialect.
    init?(_ head: HTTPRequest, domain: String?) {
        let path = head.path ?? "/"
        if let domain, let label = E2BAddress.label(of: head.authority ?? "", below: domain) {
            self = E2BAddress.below(label, path, head)
        } else if let rest = E2BAddress.strip(path) {
            self = E2BAddress.fields(head, rest) ?? .control(path: rest)
        } else if let address = E2BAddress.fields(head, path) {
            self = address
        } else {
            return nil
        }
    }

    /// What `authority` has before `.domain`, in lowercase; `nil` for another domain.
    private static func label(of authority: String, below domain: String) -> String? {
        let host = authority.prefix { $0 != ":" }.lowercased()
        guard host.hasSuffix("." + domain.lowercased()) else { return nil }
        return String(host.dropLast(domain.count + 1))
    }

    private static func below(_ label: String, _ path: String, _ head: HTTPRequest) -> E2BAddress {
        switch label {
        case "api": return .control(path: path)
        case "sandbox":
            return fields(head, path)
                ?? .wrong("send E2b-Sandbox-Id and E2b-Sandbox-Port, or use ‹port›-‹sandbox id› as the host's first label")
        default:
            let parts = label.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count >= 2, let port = Int(parts[0]), (1...65_535).contains(port), !label.contains(".") else {
                return .wrong("the host is none of api, sandbox and ‹port›-‹sandbox id›")
            }
            return .sandbox(String(parts[1]), port: port, path: path, origin: .ownHost)
        }
    }

    private static func fields(_ head: HTTPRequest, _ path: String) -> E2BAddress? {
        let sandbox = head.headerFields[sandboxField]
        let port = head.headerFields[portField]
        guard sandbox != nil || port != nil else { return nil }
        guard let sandbox, let port else { return .wrong("E2b-Sandbox-Id and E2b-Sandbox-Port go together; send both") }
        guard let number = Int(port), (1...65_535).contains(number) else { return .wrong("E2b-Sandbox-Port is no port") }
        return .sandbox(sandbox, port: number, path: path, origin: .fields)
    }

    /// The path below ``prefix``; `nil` for another one. A base URL that ends in a slash makes clients send two.
    private static func strip(_ path: String) -> String? {
        guard path.hasPrefix(prefix) else { return nil }
        let rest = path.dropFirst(prefix.count)
        guard rest.isEmpty || rest.first == "/" || rest.first == "?" else { return nil }
        let trimmed = rest.drop { $0 == "/" }
        return "/" + trimmed
    }
}
