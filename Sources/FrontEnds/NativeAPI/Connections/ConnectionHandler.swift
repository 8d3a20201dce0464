import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Sees what Hummingbird's handlers do not show: that a client is gone, that it waits for `100 Continue`, that it does not speak HTTP.
///
/// `RequestBody.consumeWithCancellationOnInboundClose` notices a disconnect too, but it reads from the connection while the handler
/// runs: it loses a request that the client sent ahead, and ends the connection after every answer. Runs are worth keep-alive.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connections: Connections
    private let maximumBodyBytes: Int
    private var departure: Latch?
    /// Requests whose head was read and whose response is not written to its end.
    private var pendingRequests = 0

    init(connections: Connections, maximumBodyBytes: Int) {
        self.connections = connections
        self.maximumBodyBytes = maximumBodyBytes
    }

    func handlerAdded(context: ChannelHandlerContext) {
        departure = connections.add(context.channel)
        keepAlive(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave(context) }

    func channelInactive(context: ChannelHandlerContext) {
        leave(context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that closes only its sending half is taken for gone as well, as most servers have it: the two look the same from here.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { departure?.open() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = unwrapInboundIn(data) {
            pendingRequests += 1
            if pendingRequests == 1, expectsContinue(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) { pendingRequests -= 1 }
        context.write(data, promise: promise)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard pendingRequests == 0, context.channel.isActive, let problem = ConnectionHandler.problem(for: error) else {
            context.fireErrorCaught(error)
            return
        }
        // Hummingbird would answer with an empty body, or not at all.
        let response = problem.response(requestID: RequestIDMiddleware.generate())
        var head = response.head
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(response.bytes)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .all, promise: nil)
    }

    private func leave(_ context: ChannelHandlerContext) {
        departure?.open()
        connections.remove(context.channel)
    }

    private func expectsContinue(_ head: HTTPRequest) -> Bool {
        guard let expectation = head.headerFields[.expect], expectation.lowercased() == "100-continue" else { return false }
        // One that is too long is refused before it is sent.
        return head.headerFields[.contentLength].flatMap { Int($0) }.map { $0 <= maximumBodyBytes } ?? true
    }

    /// A machine that lost its power closes no connection: without these probes its run would go on until its timeout.
    private func keepAlive(_ channel: any Channel) {
        channel.setOption(.socketOption(.so_keepalive), value: 1).whenFailure { _ in }
        #if os(Linux)
        for (option, value) in [(TCP_KEEPIDLE, 30), (TCP_KEEPINTVL, 10), (TCP_KEEPCNT, 3)] {
            channel.setOption(.tcpOption(.init(rawValue: option)), value: SocketOptionValue(value)).whenFailure { _ in }
        }
        #endif
    }

    private static func problem(for error: any Error) -> Problem? {
        switch error {
        case is IOError, is ChannelError: nil
        case HTTPParserError.invalidEOFState: nil
        case HTTPParserError.headerOverflow: Problem(.headersTooLarge, "the request's header fields are longer than this server reads")
        default: Problem(.malformedHTTP, "the request is not HTTP/1.1 as RFC 9112 has it")
        }
    }
}
