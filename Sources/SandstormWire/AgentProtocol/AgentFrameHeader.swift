/// The nine bytes before every payload.
///
/// Who has zero-copy buffers (NIO's `ByteBuffer`, the agent's outbound queue) reads and writes headers and leaves the payload where it is;
/// everybody else uses ``AgentFrameDecoder`` and ``AgentFrame/encode(into:)``.
package struct AgentFrameHeader: Equatable, Sendable {
    /// Length field (4), kind (1), channel (4).
    package static let size = 9

    /// The kind's number; not necessarily one of ``AgentFrameKind``.
    package var kind: UInt8
    package var channel: UInt32
    package var payloadLength: Int

    package init(kind: AgentFrameKind, channel: UInt32, payloadLength: Int) {
        self.init(kindNumber: kind.rawValue, channel: channel, payloadLength: payloadLength)
    }

    package init(kindNumber: UInt8, channel: UInt32, payloadLength: Int) {
        self.kind = kindNumber
        self.channel = channel
        self.payloadLength = payloadLength
    }

    /// Reads a header from the first bytes of `bytes`.
    ///
    /// - Returns: nil while fewer than ``size`` bytes are there. A length that no frame may have is refused as soon as its four bytes are in.
    package init?(parsing bytes: UnsafeRawBufferPointer) throws(AgentProtocolError) {
        guard bytes.count >= 4 else { return nil }
        let length = Int(UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)))
        let overhead = Self.size - 4
        guard length >= overhead else { throw .frameTooShort(length: length) }
        guard length - overhead <= AgentProtocol.maximumPayloadLength else {
            throw .frameTooLong(length: length - overhead, maximum: AgentProtocol.maximumPayloadLength)
        }
        guard bytes.count >= Self.size else { return nil }
        let kind = bytes[4]
        let maximum = AgentFrameKind.maximumPayloadLength(ofKind: kind)
        guard length - overhead <= maximum else { throw .frameTooLong(length: length - overhead, maximum: maximum) }
        self.kind = kind
        self.channel = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 5, as: UInt32.self))
        self.payloadLength = length - overhead
    }

    /// Writes the header's ``size`` bytes.
    ///
    /// - Throws: ``AgentProtocolError/frameTooLong(length:maximum:)`` with nothing written, when no peer would accept the frame.
    package func encode(into bytes: inout [UInt8]) throws(AgentProtocolError) {
        let maximum = AgentFrameKind.maximumPayloadLength(ofKind: kind)
        guard payloadLength >= 0, payloadLength <= maximum else { throw .frameTooLong(length: payloadLength, maximum: maximum) }
        var writer = AgentPayloadWriter(appendingTo: bytes)
        bytes = []
        writer.append(UInt32(payloadLength + Self.size - 4))
        writer.append(kind)
        writer.append(channel)
        bytes = writer.bytes
    }
}
