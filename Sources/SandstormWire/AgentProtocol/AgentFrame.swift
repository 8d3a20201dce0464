/// One message on one channel.
package struct AgentFrame: Equatable, Sendable {
    package var channel: UInt32
    package var message: AgentMessage

    package init(channel: UInt32, message: AgentMessage) {
        self.channel = channel
        self.message = message
    }

    /// Appends the frame as it goes over the wire.
    ///
    /// - Throws: ``AgentProtocolError/frameTooLong(length:maximum:)`` with `bytes` unchanged, for instance for an environment of more than 1 MiB.
    package func encode(into bytes: inout [UInt8]) throws(AgentProtocolError) {
        let start = bytes.count
        var writer = AgentPayloadWriter(appendingTo: bytes)
        bytes = []  // The writer now holds the only reference, so that appending does not copy.
        writer.append(UInt32(0))
        writer.append(message.kindNumber)
        writer.append(channel)
        message.encodePayload(into: &writer)
        let length = writer.bytes.count - start - AgentFrameHeader.size
        let maximum = AgentFrameKind.maximumPayloadLength(ofKind: message.kindNumber)
        guard length <= maximum else {
            writer.truncate(to: start)
            bytes = writer.bytes
            throw .frameTooLong(length: length, maximum: maximum)
        }
        writer.overwrite(UInt32(length + AgentFrameHeader.size - 4), at: start)
        bytes = writer.bytes
    }

    /// The frame as it goes over the wire.
    package func encoded() throws(AgentProtocolError) -> [UInt8] {
        var bytes: [UInt8] = []
        try encode(into: &bytes)
        return bytes
    }
}
