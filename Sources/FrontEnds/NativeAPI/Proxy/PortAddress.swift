import HTTPTypes
import SandstormCore
import SandstormServer

/// What a request for a sandbox's port asks for.
struct PortAddress: Hashable, Sendable {
    let sandbox: SandboxID
    let port: Int
    /// Path and query as the client wrote them, from the slash behind the port on; empty if there is none.
    let target: String

    /// - Parameter path: of the request, with its query, as it came.
    init(sandbox: SandboxID, port: String?, path: String) throws(Problem) {
        guard let port = port.flatMap({ Int($0) }), (1...65_535).contains(port) else {
            throw Problem(.invalidParameter, "a port is a number from 1 to 65535")
        }
        self.sandbox = sandbox
        self.port = port
        target = String(PortAddress.rest(of: path))
    }

    /// Where the port's own pages begin.
    var prefix: String { "/v1/sandboxes/\(sandbox)/ports/\(port)" }

    /// What is behind `/v1/sandboxes/{id}/ports/{port}`, uncut and undecoded: the port's server may mean something by every byte of it.
    private static func rest(of path: String) -> Substring {
        var rest = path[...]
        for _ in 0..<5 { rest = rest.drop { $0 == "/" }.drop { $0 != "/" && $0 != "?" } }
        return rest
    }
}
