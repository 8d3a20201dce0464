/// The peer broke the protocol, or was about to be made to.
///
/// After any of the decoder's errors the byte stream is out of step for good: the session must end.
package enum AgentProtocolError: Error, Equatable, Sendable {
    /// The length field exceeds what its kind may carry; nothing of the frame was kept.
    case frameTooLong(length: Int, maximum: Int)
    /// The length field does not even cover the kind and the channel.
    case frameTooShort(length: Int)
    /// The payload ends early, has bytes left over, or holds an impossible value.
    case malformed(kind: UInt8, reason: String)
    /// More data was sent than the window allowed.
    case creditExceeded(excess: Int)
    /// A grant would push the window over ``AgentProtocol/maximumWindow``.
    case creditOverflow
}

extension AgentProtocolError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .frameTooLong(let length, let maximum): "a frame of \(length) bytes exceeds the \(maximum) allowed"
        case .frameTooShort(let length): "a frame of \(length) bytes has no room for its header"
        case .malformed(let kind, let reason): "a frame of kind \(kind) is malformed: \(reason)"
        case .creditExceeded(let excess): "\(excess) bytes more than the granted credit were sent"
        case .creditOverflow: "a grant of credit overflows the window"
        }
    }
}
