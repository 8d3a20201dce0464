package import HTTPTypes
import Hummingbird
package import HummingbirdCore
package import NIOCore
import SandstormWire

/// A response's body made of what a source yields, as it comes.
///
/// Writes wait for the client, and the source waits for the writes. The source is let go of when the client is gone, or with the body if
/// its client left before it began: that is how a run that nobody waits for ends.
package struct StreamBody<Source: AsyncSequence & Sendable>: Sendable where Source.Failure: StreamFailure {
    package let source: Source
    package let framing: StreamFraming
    package let client: ClientPresence
    /// How long nothing may be sent.
    package let heartbeatInterval: Duration
    package let requestID: String
    /// What goes before everything that the source yields.
    package var opening = ByteBuffer()
    /// How many bytes the response's head promises. What the source has beyond them is not asked for.
    package var length: Int64?
    /// Fills an empty buffer with an element in the stream's form; one that has no place in it leaves it empty.
    package let encode: @Sendable (Source.Element, inout ByteBuffer) -> Void

    package init(
        source: Source, framing: StreamFraming, client: ClientPresence, heartbeatInterval: Duration, requestID: String,
        encode: @escaping @Sendable (Source.Element, inout ByteBuffer) -> Void
    ) {
        self.source = source
        self.framing = framing
        self.client = client
        self.heartbeatInterval = heartbeatInterval
        self.requestID = requestID
        self.encode = encode
    }

    /// How long the last bytes may take once the gateway stops.
    private var lastBytesTime: Duration { .seconds(2) }

    /// The streaming response.
    ///
    /// - Parameter headers: beside those that the form of the stream demands.
    package func response(status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = framing.contentType
        if headers[.cacheControl] == nil { headers[.cacheControl] = "no-store" }
        // Or nginx would collect the events.
        headers[.accelBuffering] = "no"
        headers[.contentLength] = length.map { String($0) }
        return Response(status: status, headers: headers, body: ResponseBody { writer in try await write(to: &writer) })
    }

    private func write(to writer: inout any ResponseBodyWriter) async throws {
        let buffer = StreamBuffer()
        var missing = length
        let departure = client.departure.whenOpen { buffer.finish(.clientGone) }
        defer { client.departure.forget(departure) }
        let timers = StreamTimers(client)
        if let heartbeat = framing.heartbeat { timers.every(heartbeatInterval) { buffer.writeIfIdle(heartbeat) } }
        timers.whenStopping(
            { buffer.finish(.problem(.stopping)) },
            // A client that does not read would hold up the shutdown.
            thenAfter: lastBytesTime, { client.channel.close(promise: nil) })
        defer { timers.stop() }
        let end = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pump(into: buffer) }
            // A write that fails means that the client is gone as well: the pump must not wait for it.
            defer {
                buffer.finish(.clientGone)
                group.cancelAll()
            }
            while missing != 0 {
                switch await buffer.take() {
                case .bytes(var bytes):
                    if let left = missing {
                        bytes = bytes.getSlice(at: bytes.readerIndex, length: Int(min(left, Int64(bytes.readableBytes)))) ?? bytes
                        missing = left - Int64(bytes.readableBytes)
                    }
                    try await writer.write(bytes)
                case .end(let end): return end
                }
            }
            return .complete
        }
        switch end {
        case .complete:
            // The file has become shorter meanwhile: only a connection that ends tells the client.
            if let missing, missing > 0 { throw StreamCut() }
        case .problem(let problem):
            guard let last = framing.encoded(problem, requestID: requestID) else { throw problem }
            try await writer.write(last)
        case .clientGone: throw Problem(.clientGone, "the client closed its connection")
        }
        try await writer.finish(nil)
    }

    private func pump(into buffer: StreamBuffer) async {
        if opening.readableBytes > 0 { guard await buffer.write(opening) else { return } }
        var iterator = source.makeAsyncIterator()
        do throws(Source.Failure) {
            while let element = try await iterator.next(isolation: nil) {
                var bytes = ByteBuffer()
                encode(element, &bytes)
                guard bytes.readableBytes > 0 else { continue }
                guard await buffer.write(bytes) else { return }
            }
            buffer.finish(.complete)
        } catch {
            buffer.finish(.problem(error.problem))
        }
    }
}

/// A stream came to its end before the end that its head had promised.
private struct StreamCut: Error {}
