import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import SandstormWire

/// Sees what Hummingbird's handlers do not show: that a client is gone, that it waits for `100 Continue`, that it does not speak HTTP, that it
/// takes for ever to send a request or to read an answer.
///
/// `RequestBody.consumeWithCancellationOnInboundClose` notices a disconnect too, but it reads from the connection while the handler
/// runs: it loses a request that the client sent ahead, and ends the connection after every answer. Runs are worth keep-alive.
final class ConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// Of answers whose clients may take as long as they like.
    private static let patientTypes = [OfferedType.eventStream.rawValue, ConnectProtocol.streamContentType]

    private let frontEnds: FrontEnds
    private let connections: Connections
    private let maximumBodyBytes: Int
    private let bodyTime: Duration
    /// Whose words a refusal is given in.
    private var frontEnd: any FrontEnd
    /// Refuses the request that is being read unless it comes to its end before.
    private var bodyTimer: Scheduled<Void>?
    private let stallTimer: StallTimer
    private let isStream: Bool
    /// The answer that is being written waits for its client for as long as that is there.
    private var isPatient = false
    /// The request was refused before its end: what still comes of it is nobody's.
    private var isDeaf = false
    private var departure: Latch?
    /// Requests whose head was read and whose response is not written to its end.
    private var pendingRequests = 0
    /// The head of the answer that is due was written.
    private var hasBegunAnswer = false
    /// The connection is no HTTP any more: its halves may be closed one after the other.
    private var isUpgraded = false

    /// - Parameter isStream: the channel is one of many streams on a connection.
    init(frontEnds: FrontEnds, connections: Connections, configuration: GatewayServer.Configuration, isStream: Bool = false) {
        stallTimer = StallTimer(timeout: configuration.stallTimeout, isStream: isStream)
        self.isStream = isStream
        self.frontEnds = frontEnds
        self.connections = connections
        bodyTime = configuration.bodyTimeout
        maximumBodyBytes = configuration.maximumBodyBytes
        frontEnd = frontEnds.last
    }

    func handlerAdded(context: ChannelHandlerContext) {
        departure = connections.add(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave(context) }

    func channelInactive(context: ChannelHandlerContext) {
        leave(context)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that closes only its sending half is taken for gone as well, as most servers have it: the two look the same from here.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent, !isUpgraded { departure?.open() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isDeaf else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            pendingRequests += 1
            frontEnd = frontEnds.frontEnd(for: head)
            if pendingRequests == 1, expectsContinue(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
            if hasBody(head), !frontEnd.streamsBody(head) {
                // A body that comes byte by byte is never idle.
                bodyTimer = context.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(bodyTime)) { self.giveUpRequest(context) }
            }
        case .body: break
        case .end: stopBodyTimer()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var data = data
        switch unwrapOutboundIn(data) {
        case .head(var head):
            if isStream, head.headerFields[.connection] != nil {
                // HTTP/2 has no such field, and an answer with it would not be sent at all (RFC 9113, section 8.2.2).
                head.headerFields[.connection] = nil
                data = wrapOutboundOut(.head(head))
            }
            isUpgraded = head.status == .switchingProtocols
            hasBegunAnswer = head.status.kind != .informational || isUpgraded
            let contentType = head.headerFields[.contentType] ?? ""
            isPatient = isUpgraded || ConnectionHandler.patientTypes.contains { contentType.hasPrefix($0) }
        case .body: break
        case .end:
            pendingRequests -= 1
            hasBegunAnswer = false
        }
        context.write(data, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { stallTimer.stop() } else if !isPatient { stallTimer.start(context.channel) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard pendingRequests == 0, !isUpgraded, context.channel.isActive, let problem = ConnectionHandler.problem(for: error) else {
            context.fireErrorCaught(error)
            return
        }
        // Hummingbird would answer with an empty body, or not at all.
        answer(problem, context)
    }

    /// The body that is being read does not come.
    private func giveUpRequest(_ context: ChannelHandlerContext) {
        bodyTimer = nil
        // In the middle of an answer, or before the turn of this one, there is no place for another.
        guard pendingRequests == 1, !hasBegunAnswer else { return context.close(promise: nil) }
        // Whoever reads the body hears nothing more of it until the connection is closed.
        isDeaf = true
        answer(Problem(.requestTimeout, "the request's body did not come within \(bodyTime)"), context)
    }

    /// Answers in place of the handler that is not asked, or waits in vain, and closes the connection.
    private func answer(_ problem: Problem, _ context: ChannelHandlerContext) {
        let response = frontEnd.response(to: problem, requestID: RequestName.generate())
        var head = response.head
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(response.bytes)), promise: nil)
        // The handler before this one closes the connection behind it.
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    private func stopBodyTimer() {
        bodyTimer?.cancel()
        bodyTimer = nil
    }

    private func leave(_ context: ChannelHandlerContext) {
        stopBodyTimer()
        stallTimer.stop()
        departure?.open()
        connections.remove(context.channel)
    }

    private func expectsContinue(_ head: HTTPRequest) -> Bool {
        guard let expectation = head.headerFields[.expect], expectation.lowercased() == "100-continue" else { return false }
        if frontEnd.streamsBody(head) { return true }
        // One that is too long is refused before it is sent.
        return head.headerFields[.contentLength].flatMap { Int($0) }.map { $0 <= maximumBodyBytes } ?? true
    }

    private func hasBody(_ head: HTTPRequest) -> Bool {
        head.headerFields[.transferEncoding] != nil || head.headerFields[.contentLength].map { $0 != "0" } ?? false
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
