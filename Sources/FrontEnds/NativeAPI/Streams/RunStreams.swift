import Hummingbird
import HummingbirdCore
import SandstormEngine

/// Makes responses of runs' events, and knows the clients that read them.
struct RunStreams: Sendable {
    let connections: Connections
    let heartbeatInterval: Duration
    let patience: Duration

    /// The client of a request that is waiting for its run.
    func client(of context: CallerContext) -> ClientPresence {
        ClientPresence(departure: connections.departure(from: context.channel), channel: context.channel, patience: patience)
    }

    /// A response that streams `events`.
    ///
    /// - Parameter isOwner: whether the client started the run, and did not just come to watch.
    func response(_ events: RunEvents, _ format: EventFormat, _ context: CallerContext, isOwner: Bool = false) -> Response {
        let client = client(of: context)
        let body = EventStreamBody(
            events: events, format: format, client: isOwner ? client : client.withoutPatience, heartbeatInterval: heartbeatInterval,
            requestID: context.requestID)
        return body.response()
    }
}
