import Glibc

/// Something that the gateway has asked for and that is not over.
///
/// A channel never blocks and never waits: it is told what became possible, notes it, and does a bounded piece of work when it is pumped.
protocol Channel: AnyObject {
    var id: UInt32 { get }
    /// Whether it stands in the session's line of channels to pump. Kept by the session.
    var isQueued: Bool { get set }

    /// Takes a message that came on this channel.
    func receive(_ message: AgentMessage) -> ChannelState
    /// Notes what became possible for one of its descriptors.
    func note(_ event: Poller.Event) -> ChannelState
    /// Does one piece of work, so small that no other channel waits long for its turn.
    func pump() -> ChannelState
    /// The session is over, or the channel broke the rules: leave nothing behind.
    func abandon()
}

/// What a channel needs next.
enum ChannelState {
    /// An event or a message.
    case waiting
    /// To be pumped.
    case ready
    /// To be forgotten: its last frame is queued.
    case closed
}

extension AgentFailure {
    init(_ error: SystemError, stage: Stage) {
        self.init(errno: error.code, stage: stage, message: error.description)
    }

    static func invalid(_ message: String, errno code: Int32 = EINVAL) -> AgentFailure {
        AgentFailure(errno: code, stage: .request, message: message)
    }

    static func violation(_ message: String) -> AgentFailure {
        AgentFailure(errno: 0, stage: .violation, message: message)
    }

    static func unexpected(_ message: AgentMessage) -> AgentFailure {
        .violation("a frame of kind \(message.kindNumber) has no place on this channel")
    }
}
