package import Hummingbird
import HummingbirdCore

/// Finds the answers to requests that may be answered with a stream in tasks of their own.
///
/// A task keeps the memory for as many calls as it was ever deep in, and a connection's task lives as long as its connection. Middleware and
/// handlers need some twenty kilobytes, once; without this every open stream would hold on to them.
package struct StreamResponder<Base: HTTPResponder>: HTTPResponder where Base.Context: Sendable {
    package typealias Context = Base.Context

    private let base: Base

    init(_ base: Base) { self.base = base }

    package func respond(to request: Request, context: Context) async throws -> Response {
        guard StreamResponder.mayBeStream(request) else { return try await base.respond(to: request, context: context) }
        async let response = base.respond(to: request, context: context)
        return try await response
    }

    /// A wrong guess costs a little memory or a little time, and nothing else.
    private static func mayBeStream(_ request: Request) -> Bool {
        if request.headers[.upgrade] != nil { return true }
        if let accept = request.headers[.accept], accept.contains(OfferedType.eventStream.rawValue) { return true }
        let path = request.uri.path
        return path.hasSuffix("/events") || path.hasSuffix("/watch")
    }
}
