package import Hummingbird
package import NIOCore
package import SandstormEngine

/// What is known of a request before its caller is.
package struct APIContext: RequestContext, Sendable {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    /// Set by ``RequestIDMiddleware``.
    package var requestID = ""
    /// Set by ``CallerMiddleware``.
    package var principal: Principal?

    package init(source: Source) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}

/// What is known of a request whose caller is known. A handler that takes it can't be reached without a principal.
package struct CallerContext: ChildRequestContext {
    package var coreContext: CoreRequestContextStorage
    package let channel: any Channel
    package let requestID: String
    package let principal: Principal

    package init(context: APIContext) throws {
        guard let principal = context.principal else { throw Problem.unauthenticated("no API key was sent") }
        coreContext = context.coreContext
        channel = context.channel
        requestID = context.requestID
        self.principal = principal
    }
}
