import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Lets a response with status 101 take its connection over: from then on the response's body is what is sent, byte for byte, and the
/// request's body is what the client sends.
///
/// So a request that asks for an upgrade goes through the router, the middleware and a handler as any other, and a refusal is an answer as
/// any other. An upgrade may also come after other requests on the same connection.
///
/// NIO's parser stops for good behind a request that asks for an upgrade, of whatever kind. When there is none, the connection is closed
/// behind the answer; so it is behind any answer that says `Connection: close`, of which Hummingbird takes no notice.
final class UpgradeHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private enum Mode {
        case http
        /// A request asks for an upgrade. If it may get one, its end is held back until the answer begins: its body may go on without one.
        case asked(answersBefore: Int, holdsEnd: Bool, end: HTTPRequestPart?)
        case raw
    }

    /// What is in the way of raw bytes, in the order in which it is taken out.
    private let obstacles: [any RemovableChannelHandler]
    private var mode = Mode.http
    /// Requests whose head was read and whose response is not written to its end.
    private var pendingAnswers = 0
    private var closesAfterAnswer = false

    init(removingForUpgrade obstacles: [any RemovableChannelHandler]) { self.obstacles = obstacles }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .raw = mode { return context.fireChannelRead(wrapInboundOut(.body(RawBytes.unwrapInboundIn(data)))) }
        let part = unwrapInboundIn(data)
        switch (part, mode) {
        case (.head(let head), _):
            if UpgradeHandler.stopsParser(head) {
                mode = .asked(answersBefore: pendingAnswers, holdsEnd: UpgradeHandler.mayBeUpgraded(head), end: nil)
            }
            pendingAnswers += 1
        case (.end, .asked(let answersBefore, holdsEnd: true, _)):
            mode = .asked(answersBefore: answersBefore, holdsEnd: true, end: part)
            return
        case (.end, _), (.body, _): break
        }
        context.fireChannelRead(data)
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let part = unwrapOutboundIn(data)
        switch (part, mode) {
        case (.body(let bytes), .raw): context.write(RawBytes.wrapOutboundOut(bytes), promise: promise)
        case (.end, .raw):
            context.writeLast(RawBytes.wrapOutboundOut(ByteBuffer()), promise: promise)
        case (.head, .raw): promise?.fail(ChannelError.inappropriateOperationForState)
        case (.head(let head), _) where head.status.kind == .informational && head.status != .switchingProtocols:
            context.write(data, promise: promise)
        case (.head(let head), .asked(0, let mayBeUpgraded, let end)):
            if head.status == .switchingProtocols, mayBeUpgraded {
                upgrade(context, head, promise)
            } else {
                refuse(context, head, end, promise)
            }
        case (.head(let head), _):
            if head.headerFields[.connection]?.lowercased() == "close" { closesAfterAnswer = true }
            context.write(data, promise: promise)
        case (.end, _):
            pendingAnswers -= 1
            if case .asked(let answersBefore, let holdsEnd, let end) = mode {
                mode = .asked(answersBefore: answersBefore - 1, holdsEnd: holdsEnd, end: end)
            }
            if closesAfterAnswer { context.writeLast(data, promise: promise) } else { context.write(data, promise: promise) }
        case (.body, _): context.write(data, promise: promise)
        }
    }

    private func upgrade(_ context: ChannelHandlerContext, _ head: HTTPResponse, _ promise: EventLoopPromise<Void>?) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: promise)
        mode = .raw
        let removals = obstacles.map { obstacle in
            let removed = context.eventLoop.makePromise(of: Void.self)
            context.pipeline.syncOperations.removeHandler(obstacle, promise: removed)
            return removed.futureResult
        }
        // The decoder goes a moment later, and hands on what the client sent right behind its request. As that is by no read of the channel's,
        // this is what gets it to its reader.
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        EventLoopFuture.andAllComplete(removals, on: context.eventLoop).whenComplete { _ in bound.value.fireChannelReadComplete() }
    }

    private func refuse(_ context: ChannelHandlerContext, _ head: HTTPResponse, _ end: HTTPRequestPart?, _ promise: EventLoopPromise<Void>?)
    {
        var head = head
        head.headerFields[.connection] = "close"
        closesAfterAnswer = true
        mode = .http
        context.write(wrapOutboundOut(.head(head)), promise: promise)
        guard let end else { return }
        context.fireChannelRead(wrapInboundOut(end))
        context.fireChannelReadComplete()
    }

    /// Whether NIO's parser takes this head for the last one of its connection.
    private static func stopsParser(_ head: HTTPRequest) -> Bool {
        if head.method == .connect { return true }
        return head.headerFields[.upgrade] != nil && head.headerFields[.connection].map { hasToken("upgrade", in: $0) } ?? false
    }

    /// Whether a response may take the connection over: only behind a request without a body is it known where that begins.
    private static func mayBeUpgraded(_ head: HTTPRequest) -> Bool {
        head.method == .get && head.headerFields[.contentLength] == nil && head.headerFields[.transferEncoding] == nil
    }

    static func hasToken(_ token: String, in list: String) -> Bool {
        list.split(separator: ",").contains { $0.filter { $0 != " " && $0 != "\t" }.lowercased() == token }
    }
}

/// Wraps and unwraps what passes once the codecs are gone.
private final class RawBytes: ChannelInboundHandler, ChannelOutboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer
}

extension ChannelHandlerContext {
    /// Writes the last of an answer and closes the connection in a way in which the client gets it.
    ///
    /// A connection that is closed while bytes of its client are unread is reset, which takes from the client what it has not read yet. So only
    /// the sending half is closed at first, and what comes is passed over for a while.
    func writeLast(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        let channel = channel
        let sent = eventLoop.makePromise(of: Void.self)
        sent.futureResult.cascade(to: promise)
        writeAndFlush(data, promise: sent)
        sent.futureResult.whenComplete { _ in
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        }
    }
}
