import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import SandstormEngine

extension Problem {
    /// What was thrown while a request was answered, in words for its client; what only operators may know goes to the log.
    init(_ error: any Error, _ context: APIContext) {
        switch error {
        case let problem as Problem: self = problem
        case let error as EngineError:
            if error.kind == .internal { context.logger.error("request failed", metadata: ["error.message": "\(error.message)"]) }
            self.init(error)
        case let error as any StreamFailure: self = error.problem
        case is HTTPParserError: self.init(.malformedHTTP, "the request is not HTTP/1.1 as RFC 9112 has it")
        case is CancellationError: self = .stopping
        case is ChannelError, is IOError: self.init(.clientGone, "the client closed its connection")
        default:
            context.logger.error("request failed", metadata: ["error.type": "\(type(of: error))", "error.message": "\(error)"])
            self.init(.internal, "something broke inside the gateway; its log has more under this requestId")
        }
    }
}
