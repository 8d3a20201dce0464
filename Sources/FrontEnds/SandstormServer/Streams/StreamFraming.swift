package import NIOCore
import SandstormCore
import SandstormWire

/// How what is streamed is told apart from what is said about the stream.
package enum StreamFraming: Sendable {
    case serverSentEvents
    /// One JSON object a line.
    case lines
    /// Bytes and nothing else. Nothing can be said in them: if they end too early, so does the connection.
    case bytes(contentType: String)
    /// Frames of another protocol; `ending` is the last one, for a stream that ends before its end.
    case frames(contentType: String, heartbeat: ByteBuffer?, ending: @Sendable (Problem) -> ByteBuffer)

    /// The value of the response's `Content-Type`.
    package var contentType: String {
        switch self {
        case .serverSentEvents: OfferedType.eventStream.rawValue
        case .lines: OfferedType.jsonLines.rawValue
        case .bytes(let contentType), .frames(let contentType, _, _): contentType
        }
    }

    /// Why the stream ends before its end, for the client to read; `nil` where there is no place for it.
    package func encoded(_ problem: Problem, requestID: String) -> ByteBuffer? {
        let json = problem.json(requestID: requestID)
        var buffer = ByteBuffer()
        switch self {
        case .serverSentEvents: ServerSentEvent(name: "problem", data: json.encodedBytes).encode(into: &buffer)
        case .lines:
            buffer.writeBytes(JSONValue.object(["event": "problem", "problem": json]).encodedBytes)
            buffer.writeInteger(UInt8(ascii: "\n"))
        case .bytes: return nil
        case .frames(_, _, let ending): return ending(problem)
        }
        return buffer
    }

    /// What is sent when nothing happens for a while; `nil` where there is no such thing.
    package var heartbeat: ByteBuffer? {
        switch self {
        case .serverSentEvents:
            var buffer = ByteBuffer()
            ServerSentEvent.encode(comment: "heartbeat", into: &buffer)
            return buffer
        case .frames(_, let heartbeat, _): return heartbeat
        case .lines, .bytes: return nil
        }
    }
}
