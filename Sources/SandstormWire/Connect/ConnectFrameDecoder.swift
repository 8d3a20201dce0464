package import NIOCore

/// What came is no stream of frames, or none that is read here.
package enum ConnectFrameError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A frame's announced length exceeds what is allowed; nothing of it was kept.
    case tooLong(length: Int, limit: Int)
    /// A frame is compressed, which nobody asked for.
    case compressed
    /// Bits of the first byte that mean nothing.
    case unknownFlags(UInt8)
    /// Bytes came behind the last frame.
    case afterEnd
    /// The stream was cut inside a frame.
    case cut

    package var description: String {
        switch self {
        case .tooLong(let length, let limit): "a frame of \(length) bytes exceeds the \(limit) allowed"
        case .compressed: "a frame is compressed, and no compression was agreed on"
        case .unknownFlags(let flags): "a frame has the unknown flags \(flags)"
        case .afterEnd: "bytes follow the last frame"
        case .cut: "the stream was cut inside a frame"
        }
    }

    /// What the peer is to be told.
    package var connectError: ConnectError {
        switch self {
        case .tooLong: ConnectError(.resourceExhausted, description)
        case .compressed: ConnectError(.unimplemented, description)
        case .unknownFlags, .afterEnd, .cut: ConnectError(.invalidArgument, description)
        }
    }
}

/// Turns a body that arrives in arbitrary pieces into frames.
///
/// It keeps what it was given and no more: a frame's announced length reserves nothing, and one that is too long is refused by its header.
/// After the first error it keeps nothing and throws the same error for ever: the stream is out of step.
package struct ConnectFrameDecoder: Sendable {
    private let limit: Int
    private var buffer = ByteBuffer()
    private var failure: ConnectFrameError?
    /// The last frame was taken.
    private var isOver = false

    /// - Parameter limit: the longest payload, in bytes.
    package init(limit: Int = 16 * 1024 * 1024) { self.limit = limit }

    /// Bytes that wait for the rest of their frame, or to be taken.
    package var bufferedByteCount: Int { buffer.readableBytes }

    /// The memory that is held for them.
    package var capacity: Int { buffer.capacity }

    /// Adds bytes as they came.
    package mutating func append(_ bytes: ByteBuffer) {
        guard failure == nil else { return }
        guard buffer.readableBytes > 0 else {
            buffer = bytes
            return
        }
        // What was read is given back before the rest is moved at any rate; else a stream that is never cut at a frame's end would be kept.
        if buffer.readerIndex >= buffer.readableBytes { buffer.discardReadBytes() }
        buffer.writeImmutableBuffer(bytes)
    }

    /// Takes the next whole frame; `nil` while more bytes are needed.
    package mutating func next() throws(ConnectFrameError) -> ConnectFrame? {
        if let failure { throw failure }
        do throws(ConnectFrameError) {
            return try decodeNext()
        } catch {
            failure = error
            buffer = ByteBuffer()
            throw error
        }
    }

    /// Checks where the body's end has come.
    ///
    /// - Throws: ``ConnectFrameError/cut`` inside a frame. That no last frame came is for the caller to judge: requests have none.
    package mutating func finish() throws(ConnectFrameError) {
        if let failure { throw failure }
        guard buffer.readableBytes > 0 else { return }
        failure = .cut
        buffer = ByteBuffer()
        throw .cut
    }

    private mutating func decodeNext() throws(ConnectFrameError) -> ConnectFrame? {
        let start = buffer.readerIndex
        guard let flags: UInt8 = buffer.getInteger(at: start) else { return nil }
        guard !isOver else { throw .afterEnd }
        guard flags & ~(ConnectFlag.compressed | ConnectFlag.endOfStream) == 0 else { throw .unknownFlags(flags) }
        guard flags & ConnectFlag.compressed == 0 else { throw .compressed }
        guard let announced: UInt32 = buffer.getInteger(at: start + 1) else { return nil }
        guard let length = Int(exactly: announced), length <= limit else { throw .tooLong(length: Int(clamping: announced), limit: limit) }
        guard let payload = buffer.getSlice(at: start + ConnectFrame.headerLength, length: length) else { return nil }
        buffer.moveReaderIndex(forwardBy: ConnectFrame.headerLength + length)
        // Nothing refers to what was read before: the memory is given back while the peer is silent.
        if buffer.readableBytes == 0 { buffer = ByteBuffer() }
        isOver = flags & ConnectFlag.endOfStream != 0
        return ConnectFrame(payload: payload, isEnd: isOver)
    }
}
