import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore

/// Makes a streaming body wait for its connection as it writes, so that a client that does not read costs no memory.
///
/// NIO's writer suspends whoever writes once its event loop has found the connection full. Writes from elsewhere only queue up for the loop
/// until then: a fast source gets a hundred megabytes ahead of a busy loop. This waits now and then until the loop has seen what was written.
struct PacedWriter: ResponseBodyWriter {
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
