package import Hummingbird
import NIOCore
import SandstormEngine

/// What is known of a request before its caller is.
package struct APIContext: RequestContext, Sendable {
    package var coreContext: CoreRequestContextStorage
    let channel: any Channel
    /// Set by ``RequestIDMiddleware``.
    var requestID = ""
    /// Set by ``CallerMiddleware``.
    var principal: Principal?

    package init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// What is known of a request whose caller is known. A handler that takes it can't be reached without a principal.
struct CallerContext: ChildRequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel
    let requestID: String
    let principal: Principal

    init(context: APIContext) throws {
        guard let principal = context.principal else { throw Problem.unauthenticated("no API key was sent") }
        coreContext = context.coreContext
        channel = context.channel
        requestID = context.requestID
        self.principal = principal
    }
}
