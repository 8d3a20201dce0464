package import NIOCore
package import SandstormCore

/// One envelope of a stream: a flag byte, the payload's length in four bytes (big-endian), and the payload.
package struct ConnectFrame: Hashable, Sendable {
    /// Bytes before the payload.
    package static let headerLength = 5

    /// It is the stream's last; its payload is a ``ConnectEndOfStream``.
    package var isEnd: Bool
    package var payload: ByteBuffer

    package init(payload: ByteBuffer, isEnd: Bool = false) {
        self.payload = payload
        self.isEnd = isEnd
    }

    /// A message's frame.
    package init(_ message: JSONValue) { self.init(payload: ByteBuffer(bytes: message.encodedBytes)) }

    /// The last frame.
    package init(_ end: ConnectEndOfStream) { self.init(payload: ByteBuffer(bytes: end.json.encodedBytes), isEnd: true) }

    /// Appends the frame as it goes over the wire. The payload must be shorter than 4 GiB.
    package func encode(into buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: ConnectFrame.headerLength + payload.readableBytes)
        buffer.writeInteger(isEnd ? ConnectFlag.endOfStream : 0)
        buffer.writeInteger(UInt32(payload.readableBytes))
        buffer.writeImmutableBuffer(payload)
    }

    /// The frame as it goes over the wire.
    package var encoded: ByteBuffer {
        var buffer = ByteBuffer()
        encode(into: &buffer)
        return buffer
    }

    /// The payload as JSON; an empty one is an empty message.
    ///
    /// - Throws: ``ConnectError`` with `invalid_argument`.
    package func message() throws(ConnectError) -> JSONValue {
        guard payload.readableBytes > 0 else { return [:] }
        do throws(JSONSyntaxError) {
            return try JSONValue(parsing: payload.readableBytesView)
        } catch {
            throw ConnectError(.invalidArgument, "the message is not JSON: \(error)")
        }
    }
}

/// The bits of a frame's first byte.
enum ConnectFlag {
    static let compressed: UInt8 = 1
    static let endOfStream: UInt8 = 2
}
