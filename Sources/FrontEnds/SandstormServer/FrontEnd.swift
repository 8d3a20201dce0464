package import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import NIOCore

/// One dialect of HTTP that a ``GatewayServer`` speaks beside others on the same connections.
package protocol FrontEnd: Sendable {
    /// Whether a request is in this dialect, by its host and its path.
    func claims(_ head: HTTPRequest) -> Bool

    /// Whether the body passes through as it comes, however long it is; all others must come within the server's time.
    func streamsBody(_ head: HTTPRequest) -> Bool

    /// Whether the answer may be a stream, which is then found in a task of its own: see ``StreamResponder``. A wrong guess costs a little
    /// memory or a little time, and nothing else.
    func mayAnswerWithStream(_ head: HTTPRequest) -> Bool

    /// The name under which a request is counted, one of a closed set: a route's template and never a path.
    func route(of head: HTTPRequest) -> String

    /// A refusal in the words of this dialect.
    func response(to problem: Problem, requestID: String) -> (head: HTTPResponse, bytes: ByteBuffer)

    /// Answers a request that it claims. Whatever is thrown is turned into a ``Problem``.
    func respond(to request: Request, context: APIContext) async throws -> Response
}

/// All front ends of a server. The last one answers what no other claims.
struct FrontEnds: Sendable {
    private let all: [any FrontEnd]

    init(_ all: [any FrontEnd]) {
        precondition(!all.isEmpty)
        self.all = all
    }

    /// The one that answers what nobody knows.
    var last: any FrontEnd { all[all.count - 1] }

    func frontEnd(for head: HTTPRequest) -> any FrontEnd {
        for frontEnd in all.dropLast() where frontEnd.claims(head) { return frontEnd }
        return last
    }
}
