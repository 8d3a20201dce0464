import NIOCore
import SandstormCore

/// Carries out what ``AgentSession`` decides, over one channel.
///
/// Frames leave in the order in which the session made them, whichever threads made it do so: they are queued under the lock and written by the
/// event loop only.
final class AgentLink: Sendable {
    private struct State {
        var session = AgentSession()
        var flushIsDue = false
    }

    private let state = Locked(State())
    private let channel: any Channel

    init(channel: any Channel) { self.channel = channel }

    /// Changes the session, then tells whom it concerns and sends what is to be sent.
    func perform<Result, Failure: Error>(_ body: (inout AgentSession) throws(Failure) -> Result) throws(Failure) -> Result {
        let (result, news, flushes) = state.withLock { state -> (Swift.Result<Result, Failure>, [@Sendable () -> Void], Bool) in
            let result = Swift.Result { () throws(Failure) in try body(&state.session) }
            let news = state.session.news
            state.session.news = []
            guard !state.session.outbox.isEmpty, !state.flushIsDue else { return (result, news, false) }
            state.flushIsDue = true
            return (result, news, true)
        }
        for tell in news { tell() }
        if flushes { channel.eventLoop.execute { self.flush() } }
        return try result.get()
    }

    func receive(_ frame: AgentFrameReader.Frame) throws(AgentProtocolError) {
        try perform { (session) throws(AgentProtocolError) in try session.receive(frame) }
        // A peer that does not fit is found by the session, not by the handler.
        if case .closed = phase { channel.close(promise: nil) }
    }

    func close(because error: ProviderError) {
        perform { $0.close(because: error) }
        channel.close(promise: nil)
    }

    var phase: AgentSession.Phase { state.withLock { $0.session.phase } }

    private func flush() {
        let frames = state.withLock { state in
            defer { state.session.outbox = [] }
            state.flushIsDue = false
            return state.session.outbox
        }
        for frame in frames {
            switch frame {
            case .encoded(let bytes):
                channel.write(channel.allocator.buffer(bytes: bytes), promise: nil)
            case .data(let kind, let id, let payload):
                var header: [UInt8] = []
                // A payload longer than a frame may be is never queued.
                guard (try? AgentFrameHeader(kind: kind, channel: id, payloadLength: payload.readableBytes).encode(into: &header)) != nil
                else { continue }
                channel.write(channel.allocator.buffer(bytes: header), promise: nil)
                channel.write(payload, promise: nil)
            }
        }
        channel.flush()
    }
}
