import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormWire

/// Makes streaming responses, and knows the clients that read them.
struct EventStreams: Sendable {
    let connections: Connections
    let heartbeatInterval: Duration
    let patience: Duration

    /// The client of a request that is waiting for what it asked for.
    func client(of context: CallerContext) -> ClientPresence {
        connections.client(of: context.channel, patience: patience)
    }

    /// A response that streams a run's events.
    ///
    /// - Parameter isOwner: whether the client started the run, and did not just come to watch.
    func response(
        _ events: RunEvents, _ format: RunEventFormat, _ context: CallerContext, isOwner: Bool = false, headers: HTTPFields = [:]
    ) -> Response {
        body(of: events, format.framing, context, isOwner: isOwner) { format.encode($0, into: &$1) }.response(headers: headers)
    }

    /// A response that streams the events of a process in a living sandbox.
    ///
    /// - Parameter isOwner: whether the client started the process, and did not just come to watch.
    func response(
        _ events: SandboxProcessEvents, _ context: CallerContext, isOwner: Bool = false, headers: HTTPFields = [:]
    ) -> Response {
        let body = body(of: events, .serverSentEvents, context, isOwner: isOwner) { event, buffer in
            ServerSentEvent(id: String(event.sequence), name: event.name, data: event.data.encodedBytes).encode(into: &buffer)
        }
        return body.response(headers: headers)
    }

    /// A response that streams what changes in a directory, after an event that says that nothing is missed from here on.
    func response(_ changes: FileChanges, watching info: JSONValue, _ context: CallerContext) -> Response {
        var body = body(of: changes, .serverSentEvents, context, isOwner: false) { change, buffer in
            ServerSentEvent(name: "change", data: change.json.encodedBytes).encode(into: &buffer)
        }
        ServerSentEvent(name: "watching", data: info.encodedBytes).encode(into: &body.opening)
        return body.response()
    }

    /// A response that streams bytes.
    ///
    /// - Parameter length: how many; `nil` if nobody knows.
    func response(
        _ bytes: ByteStream, contentType: String, length: Int64?, _ context: CallerContext, status: HTTPResponse.Status = .ok,
        headers: HTTPFields
    ) -> Response {
        var body = body(of: bytes, .bytes(contentType: contentType), context, isOwner: true) { $1 = $0 }
        body.length = length
        return body.response(status: status, headers: headers)
    }

    private func body<Source: AsyncSequence & Sendable>(
        of source: Source, _ framing: StreamFraming, _ context: CallerContext, isOwner: Bool,
        encode: @escaping @Sendable (Source.Element, inout ByteBuffer) -> Void
    ) -> StreamBody<Source> where Source.Failure: StreamFailure {
        let client = client(of: context)
        return StreamBody(
            source: source, framing: framing, client: isOwner ? client : client.withoutPatience, heartbeatInterval: heartbeatInterval,
            requestID: context.requestID, encode: encode)
    }
}
