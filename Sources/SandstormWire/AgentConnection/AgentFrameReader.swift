import NIOCore

/// Turns what a channel reads into frames, leaving data where it is.
struct AgentFrameReader {
    enum Frame {
        case data(AgentFrameKind, channel: UInt32, ByteBuffer)
        case message(AgentFrame)
    }

    private var buffer = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) {
        if buffer.readableBytes == 0 {
            buffer = bytes
        } else {
            buffer.discardReadBytes()
            buffer.writeImmutableBuffer(bytes)
        }
    }

    /// Takes the next whole frame; nil when more bytes are needed.
    mutating func next() throws(AgentProtocolError) -> Frame? {
        guard let header = try readHeader() else { return nil }
        let size = AgentFrameHeader.size + header.payloadLength
        guard buffer.readableBytes >= size else { return nil }
        buffer.moveReaderIndex(forwardBy: AgentFrameHeader.size)
        // The length was compared above.
        guard let payload = buffer.readSlice(length: header.payloadLength) else { return nil }
        if let kind = AgentFrameKind(rawValue: header.kind), kind.carriesData {
            return .data(kind, channel: header.channel, payload)
        }
        let message = payload.withUnsafeReadableBytes { bytes in
            Result { () throws(AgentProtocolError) in try AgentMessage(kindNumber: header.kind, payload: bytes) }
        }
        return .message(AgentFrame(channel: header.channel, message: try message.get()))
    }

    private func readHeader() throws(AgentProtocolError) -> AgentFrameHeader? {
        let header = buffer.withUnsafeReadableBytes { bytes in
            Result { () throws(AgentProtocolError) in try AgentFrameHeader(parsing: bytes) }
        }
        return try header.get()
    }
}
