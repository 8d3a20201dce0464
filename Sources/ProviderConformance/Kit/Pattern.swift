import NIOCore

/// Compares a stream with the repetition of a few bytes, without keeping it.
struct Pattern {
    private let bytes: ByteBuffer
    private(set) var count = 0
    private(set) var isIntact = true

    init(_ text: String) { bytes = ByteBuffer(string: String(repeating: text, count: 65_536 / text.utf8.count)) }

    mutating func take(_ buffer: ByteBuffer) {
        var rest = buffer
        while rest.readableBytes > 0, isIntact {
            let start = (count + buffer.readableBytes - rest.readableBytes) % bytes.readableBytes
            let length = min(rest.readableBytes, bytes.readableBytes - start)
            // Buffers are compared as a whole: byte by byte, 100 MiB would take longer than to transfer them.
            isIntact = rest.readSlice(length: length) == bytes.getSlice(at: start, length: length)
        }
        count += buffer.readableBytes
    }
}
