import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore

/// Makes streaming bodies wait for their connection as they write, so that a client that does not read costs no memory.
///
/// NIO's writer suspends whoever writes once its event loop has found the connection full. Writes from elsewhere only queue up for the loop
/// until then: a fast source gets a hundred megabytes ahead of a busy loop.
struct PacingMiddleware: RouterMiddleware {
    func handle(
        _ request: Request, context: APIContext, next: (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        guard response.body.contentLength == nil else { return response }
        let body = response.body
        let eventLoop = context.channel.eventLoop
        response.body = ResponseBody { writer in try await body.write(PacedWriter(writer: writer, eventLoop: eventLoop)) }
        return response
    }
}

/// Waits now and then until the event loop has seen what was written.
private struct PacedWriter: ResponseBodyWriter {
    /// How many bytes may be on their way to the event loop.
    private static let limit = 64 * 1024

    var writer: any ResponseBodyWriter
    let eventLoop: any EventLoop
    private var unseen = 0

    init(writer: any ResponseBodyWriter, eventLoop: any EventLoop) {
        self.writer = writer
        self.eventLoop = eventLoop
    }

    mutating func write(_ buffer: ByteBuffer) async throws {
        try await writer.write(buffer)
        unseen += buffer.readableBytes
        guard unseen >= PacedWriter.limit else { return }
        unseen = 0
        try await eventLoop.submit {}.get()
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws { try await writer.finish(trailingHeaders) }
}
