import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormEngine

/// A response's body made of a run's events as they come.
///
/// Writes wait for the client, and events wait for the writes. The events are let go of when the client is gone, or with the body if its
/// client left before it began: that is how a run that nobody waits for ends.
struct EventStreamBody: Sendable {
    let events: RunEvents
    let format: EventFormat
    let client: ClientPresence
    /// How long nothing may be sent.
    let heartbeatInterval: Duration
    let requestID: String

    /// How long the last bytes may take once the gateway stops.
    private static let lastBytesTime = Duration.seconds(2)

    /// The streaming response.
    func response() -> Response {
        let headers: HTTPFields = [
            .contentType: format.contentType, .cacheControl: "no-store",
            // Or nginx would collect the events.
            .accelBuffering: "no",
        ]
        return Response(status: .ok, headers: headers, body: ResponseBody { writer in try await write(to: &writer) })
    }

    private func write(to writer: inout any ResponseBodyWriter) async throws {
        let buffer = StreamBuffer()
        let end = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await pump(into: buffer) }
            group.addTask { if await client.departure.wait() { buffer.finish(.clientGone) } }
            group.addTask { await stop(buffer) }
            if let heartbeat = format.heartbeat { group.addTask { await beat(heartbeat, into: buffer) } }
            // A write that fails means that the client is gone as well: the pump must not wait for it.
            defer {
                buffer.finish(.clientGone)
                group.cancelAll()
            }
            while true {
                switch await buffer.take() {
                case .bytes(let bytes): try await writer.write(bytes)
                case .end(let end): return end
                }
            }
        }
        switch end {
        case .complete: break
        case .problem(let problem):
            var last = ByteBuffer()
            format.encode(problem, requestID: requestID, into: &last)
            if last.readableBytes > 0 { try await writer.write(last) }
        case .clientGone: throw Problem(.clientGone, "the client closed its connection")
        }
        try await writer.finish(nil)
    }

    private func pump(into buffer: StreamBuffer) async {
        var iterator = events.makeAsyncIterator()
        do throws(EngineError) {
            while let event = try await iterator.next(isolation: nil) {
                var bytes = ByteBuffer()
                format.encode(event, into: &bytes)
                guard bytes.readableBytes > 0 else { continue }
                guard await buffer.write(bytes) else { return }
            }
            buffer.finish(.complete)
        } catch {
            buffer.finish(.problem(Problem(error)))
        }
    }

    private func beat(_ heartbeat: ByteBuffer, into buffer: StreamBuffer) async {
        while (try? await Task.sleep(for: heartbeatInterval)) != nil { buffer.writeIfIdle(heartbeat) }
    }

    private func stop(_ buffer: StreamBuffer) async {
        guard await client.stopping() else { return }
        buffer.finish(.problem(.stopping))
        // A client that does not read would hold up the shutdown.
        guard (try? await Task.sleep(for: EventStreamBody.lastBytesTime)) != nil else { return }
        client.channel.close(promise: nil)
    }
}
