/// Turns a byte stream that arrives in arbitrary pieces into frames.
///
/// It keeps what it was given and no more (a frame's announced length reserves nothing), moves each byte a bounded number of times however the
/// stream is cut, and never traps: it is the part that faces an untrusted peer.
package struct AgentFrameDecoder: Sendable {
    private var buffer: [UInt8] = []
    /// Where the first byte that belongs to no frame yet is.
    private var head = 0
    private var failure: AgentProtocolError?

    package init() {}

    /// Bytes that are waiting for the rest of their frame, or to be taken with ``next()``.
    package var bufferedByteCount: Int { buffer.count - head }

    /// Adds bytes as they came from the transport.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard failure == nil else { return }
        compact()
        buffer.append(contentsOf: bytes)
    }

    /// Adds bytes as they came from the transport.
    package mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    /// Takes the next whole frame; nil when more bytes are needed.
    ///
    /// - Throws: the first error, and from then on always the same one: the stream is out of step.
    package mutating func next() throws(AgentProtocolError) -> AgentFrame? {
        if let failure { throw failure }
        do throws(AgentProtocolError) {
            return try decodeNext()
        } catch {
            failure = error
            buffer = []
            head = 0
            throw error
        }
    }

    private mutating func decodeNext() throws(AgentProtocolError) -> AgentFrame? {
        let decoded: Result<(AgentFrame, Int)?, AgentProtocolError> = buffer.withUnsafeBytes { whole in
            Result { () throws(AgentProtocolError) in
                let bytes = UnsafeRawBufferPointer(rebasing: whole[head...])
                guard let header = try AgentFrameHeader(parsing: bytes) else { return nil }
                let size = AgentFrameHeader.size + header.payloadLength
                guard bytes.count >= size else { return nil }
                let payload = UnsafeRawBufferPointer(rebasing: bytes[AgentFrameHeader.size..<size])
                let message = try AgentMessage(kindNumber: header.kind, payload: payload)
                return (AgentFrame(channel: header.channel, message: message), size)
            }
        }
        guard let (frame, size) = try decoded.get() else { return nil }
        head += size
        if head == buffer.count {
            buffer.removeAll(keepingCapacity: buffer.capacity <= 2 * AgentProtocol.maximumPayloadLength)
            head = 0
        }
        return frame
    }

    /// Drops what was taken, once that is at least as much as what would have to be moved: each byte moves at most once on average.
    private mutating func compact() {
        guard head > 0, head >= buffer.count - head else { return }
        buffer.removeSubrange(..<head)
        head = 0
    }
}
