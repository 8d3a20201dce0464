import CZlib
package import NIOCore

/// Why bytes could not be decompressed.
package enum GzipError: Error, Hashable, Sendable, CustomStringConvertible {
    case malformed
    /// They end before their end.
    case cut
    case outOfMemory

    package var description: String {
        switch self {
        case .malformed: "the bytes are not in gzip's form"
        case .cut: "the compressed bytes end too early"
        case .outOfMemory: "there is no memory to decompress with"
        }
    }
}

/// zlib's state for one direction of one stream. It has a fixed place in memory, which zlib keeps a pointer to.
private final class ZlibState {
    let stream: UnsafeMutablePointer<z_stream>
    private let end: (UnsafeMutablePointer<z_stream>) -> Int32

    /// - Returns: `nil` if there is no memory.
    init?(begin: (UnsafeMutablePointer<z_stream>) -> Int32, end: @escaping (UnsafeMutablePointer<z_stream>) -> Int32) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard begin(stream) == Z_OK else {
            stream.deallocate()
            return nil
        }
        self.end = end
    }

    deinit {
        _ = end(stream)
        stream.deallocate()
    }

    /// Gives zlib `input`, and room for its output.
    ///
    /// - Returns: zlib's answer and what it put out; what it took is gone from `input`.
    func step(
        _ input: inout ByteBuffer, room: Int, _ call: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (answer: Int32, output: ByteBuffer) {
        var output = ByteBuffer()
        let offered = input.readableBytes
        let answer = input.withUnsafeMutableReadableBytes { bytes in
            // zlib reads what `next_in` points to and never writes it.
            stream.pointee.next_in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.pointee.avail_in = UInt32(offered)
            defer { stream.pointee.next_in = nil }
            var answer = Z_OK
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(room)
                defer { stream.pointee.next_out = nil }
                answer = call(stream)
                return room - Int(stream.pointee.avail_out)
            }
            return answer
        }
        input.moveReaderIndex(forwardBy: offered - Int(stream.pointee.avail_in))
        return (answer, output)
    }
}

/// Compresses bytes as they come.
package final class GzipEncoder {
    private static let room = 64 * 1024

    private let state: ZlibState

    /// - Parameter level: 1 (fast) to 9 (small).
    /// - Throws: ``GzipError/outOfMemory``.
    package init(level: Int32 = 1) throws(GzipError) {
        guard let state = ZlibState(begin: { sandstorm_deflate_begin($0, level) }, end: { deflateEnd($0) }) else { throw .outOfMemory }
        self.state = state
    }

    /// What `bytes` compress to; often nothing, as zlib collects. At most about as long as they are.
    package func encode(_ bytes: ByteBuffer) -> ByteBuffer { run(bytes, Z_NO_FLUSH) }

    /// What is left, and the stream's end.
    package func finish() -> ByteBuffer { run(ByteBuffer(), Z_FINISH) }

    private func run(_ bytes: ByteBuffer, _ flush: Int32) -> ByteBuffer {
        var input = bytes
        var all = ByteBuffer()
        while true {
            var (answer, output) = state.step(&input, room: GzipEncoder.room) { deflate($0, flush) }
            let isFull = output.readableBytes == GzipEncoder.room
            if all.readableBytes == 0 { all = output } else { all.writeBuffer(&output) }
            // Room that is left means that zlib has no more to say for now.
            if answer == Z_STREAM_END || !isFull { return all }
        }
    }
}

/// Decompresses bytes as they come, a piece of bounded length at a time, however much they grow.
package final class GzipDecoder {
    private static let room = 64 * 1024

    private let state: ZlibState
    private var input = ByteBuffer()
    /// Between two members, or behind the last.
    private var isAtEnd = false
    private var failure: GzipError?

    /// - Throws: ``GzipError/outOfMemory``.
    package init() throws(GzipError) {
        guard let state = ZlibState(begin: { sandstorm_inflate_begin($0) }, end: { inflateEnd($0) }) else { throw .outOfMemory }
        self.state = state
    }

    /// Adds compressed bytes. Take what they decompress to before adding more.
    package func append(_ bytes: ByteBuffer) {
        if input.readableBytes == 0 { input = bytes } else { input.writeImmutableBuffer(bytes) }
    }

    /// The next piece, never empty; `nil` while more bytes are needed.
    package func next() throws(GzipError) -> ByteBuffer? {
        if let failure { throw failure }
        while true {
            if isAtEnd {
                guard input.readableBytes > 0 else { return nil }
                // gzip files may be joined.
                inflateReset(state.stream)
                isAtEnd = false
            }
            let (answer, output) = state.step(&input, room: GzipDecoder.room) { inflate($0, Z_NO_FLUSH) }
            switch answer {
            case Z_STREAM_END: isAtEnd = true
            // Nothing to do with what there is: more is needed.
            case Z_OK, Z_BUF_ERROR: break
            default:
                let error = answer == Z_MEM_ERROR ? GzipError.outOfMemory : .malformed
                failure = error
                throw error
            }
            if output.readableBytes > 0 { return output }
            if !isAtEnd, input.readableBytes == 0 || answer == Z_BUF_ERROR { return nil }
        }
    }

    /// Checks where the compressed bytes have ended, after the last piece was taken.
    package func finish() throws(GzipError) {
        if let failure { throw failure }
        guard isAtEnd else { throw .cut }
    }
}
