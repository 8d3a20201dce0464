/// The sender's side of a channel's flow control: how many bytes may still be sent.
package struct AgentSendWindow: Equatable, Sendable {
    package private(set) var available: Int

    package init(initial: Int = AgentProtocol.initialWindow) {
        available = initial
    }

    /// Notes that bytes were sent; the caller has looked at ``available`` before.
    ///
    /// - Throws: ``AgentProtocolError/creditExceeded(excess:)`` with nothing changed.
    package mutating func spend(_ count: Int) throws(AgentProtocolError) {
        guard count <= available else { throw .creditExceeded(excess: count - available) }
        available -= count
    }

    /// Notes a `credit` frame.
    ///
    /// - Throws: ``AgentProtocolError/creditOverflow`` with nothing changed.
    package mutating func grant(_ bytes: UInt32) throws(AgentProtocolError) {
        guard Int(bytes) <= AgentProtocol.maximumWindow - available else { throw .creditOverflow }
        available += Int(bytes)
    }
}

/// The receiver's side of a channel's flow control: what the peer may still send, and when to allow more.
///
/// Grants are gathered until they are worth a frame: half a window. So the sender never runs dry while the receiver keeps up, and a `credit`
/// frame is paid once per 128 KiB.
package struct AgentReceiveWindow: Equatable, Sendable {
    private let size: Int
    private var available: Int
    private var consumed = 0

    package init(size: Int = AgentProtocol.initialWindow) {
        self.size = size
        available = size
    }

    /// Notes data that arrived.
    ///
    /// - Throws: ``AgentProtocolError/creditExceeded(excess:)``: the peer broke the protocol.
    package mutating func receive(_ count: Int) throws(AgentProtocolError) {
        guard count <= available else { throw .creditExceeded(excess: count - available) }
        available -= count
    }

    /// Notes that bytes received earlier were passed on and their room is free again.
    ///
    /// - Returns: what to grant in a `credit` frame now, if it is time.
    package mutating func consume(_ count: Int) -> UInt32? {
        consumed += count
        guard consumed >= size / 2 else { return nil }
        defer { consumed = 0 }
        available += consumed
        return UInt32(clamping: consumed)
    }
}
