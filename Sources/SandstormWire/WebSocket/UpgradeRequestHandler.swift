import NIOCore
import NIOHTTP1

/// The channel's end of an ``UpgradedConnection``. Used on its event loop only.
final class UpgradeRequestHandler: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private enum Mode {
        case waitingForHead
        /// The server agrees; raw bytes follow its head's end.
        case upgrading(HTTPResponseHead)
        /// The server does not agree; this is the body of its answer.
        case body
        case raw
    }

    /// The head of the server's answer.
    let answer: EventLoopPromise<HTTPResponseHead>
    private let eventLoop: any EventLoop
    private let encoder: HTTPRequestEncoder
    private let decoder: ByteToMessageHandler<HTTPResponseDecoder>
    private var mode = Mode.waitingForHead
    private var context: ChannelHandlerContext?
    private var isAnswered = false
    /// Read but not asked for: at most what one read of the channel gave.
    private var pending: [ByteBuffer] = []
    private var reader: EventLoopPromise<ByteBuffer?>?
    private var isAtEnd = false
    private var failure: (any Error)?

    init(eventLoop: any EventLoop, encoder: HTTPRequestEncoder, decoder: ByteToMessageHandler<HTTPResponseDecoder>) {
        self.eventLoop = eventLoop
        self.encoder = encoder
        self.decoder = decoder
        answer = eventLoop.makePromise()
    }

    // MARK: For the connection

    func read() -> EventLoopFuture<ByteBuffer?> {
        if !pending.isEmpty { return eventLoop.makeSucceededFuture(pending.removeFirst()) }
        if let failure { return eventLoop.makeFailedFuture(failure) }
        if isAtEnd { return eventLoop.makeSucceededFuture(nil) }
        let promise = eventLoop.makePromise(of: ByteBuffer?.self)
        reader = promise
        context?.read()
        return promise.futureResult
    }

    func stopReading() {
        isAtEnd = true
        pending = []
        reader.take()?.succeed(nil)
    }

    func giveUp(_ error: any Error) {
        fail(error)
        context?.close(promise: nil)
    }

    // MARK: ChannelInboundHandler

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { context.read() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        fail(ChannelError.ioOnClosedChannel)
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .raw = mode { return deliver(UpgradeRequestHandler.unwrap(data, as: ByteBuffer.self)) }
        switch UpgradeRequestHandler.unwrap(data, as: HTTPClientResponsePart.self) {
        case .head(let head):
            if head.status == .switchingProtocols {
                mode = .upgrading(head)
            } else {
                mode = .body
                succeed(head)
            }
        case .body(let bytes): deliver(bytes)
        case .end:
            guard case .upgrading(let head) = mode else {
                end()
                return
            }
            mode = .raw
            // Bytes that came right behind the head are handed on by the decoder as it goes.
            context.pipeline.syncOperations.removeHandler(encoder, promise: nil)
            context.pipeline.syncOperations.removeHandler(decoder, promise: nil)
            succeed(head)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        // What was read may have been half a head, or none of the bytes that are waited for.
        if !isAnswered || reader != nil { context.read() }
        context.fireChannelReadComplete()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            if !isAnswered { fail(ChannelError.eof) }
            end()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isAnswered { fail(ChannelError.eof) }
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(error)
        context.close(promise: nil)
    }

    private func succeed(_ head: HTTPResponseHead) {
        isAnswered = true
        answer.succeed(head)
    }

    private func deliver(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        if let reader = reader.take() { reader.succeed(bytes) } else if !isAtEnd { pending.append(bytes) }
    }

    private func end() {
        isAtEnd = true
        reader.take()?.succeed(nil)
    }

    private func fail(_ error: any Error) {
        if !isAnswered {
            isAnswered = true
            answer.fail(error)
        }
        if !isAtEnd, failure == nil { failure = error }
        reader.take()?.fail(error)
    }

    private static func unwrap<Value>(_ data: NIOAny, as type: Value.Type) -> Value {
        // What the mode says is what the pipeline holds.
        UnwrappingHandler<Value>.unwrapInboundIn(data)
    }
}

/// Unwraps values of one type.
private final class UnwrappingHandler<Value>: ChannelInboundHandler {
    typealias InboundIn = Value
}
