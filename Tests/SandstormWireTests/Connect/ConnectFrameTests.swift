import NIOCore
import SandstormCore
import SandstormWire
import Testing

@Suite("Connect frames")
struct ConnectFrameTests {
    /// A stream with an ordinary message, an empty one, a longer one, and the end.
    private static let stream: ByteBuffer = {
        var buffer = ByteBuffer()
        ConnectFrame(["event": ["start": ["pid": 42]]]).encode(into: &buffer)
        ConnectFrame(payload: ByteBuffer()).encode(into: &buffer)
        ConnectFrame(["text": .string(String(repeating: "ä", count: 400))]).encode(into: &buffer)
        ConnectFrame(ConnectEndOfStream(error: ConnectError(.notFound, "gone"), metadata: ["a": ["1", "2"]])).encode(into: &buffer)
        return buffer
    }()

    private func decoded(_ buffer: ByteBuffer, pieces: Int) throws -> [ConnectFrame] {
        var decoder = ConnectFrameDecoder()
        var frames: [ConnectFrame] = []
        var rest = buffer
        while let piece = rest.readSlice(length: min(pieces, rest.readableBytes)), piece.readableBytes > 0 {
            decoder.append(piece)
            while let frame = try decoder.next() { frames.append(frame) }
        }
        try decoder.finish()
        return frames
    }

    @Test func `a frame is a flag, a length and a payload`() {
        #expect(Array(ConnectFrame([:]).encoded.readableBytesView) == [0, 0, 0, 0, 2, 0x7B, 0x7D])
        #expect(Array(ConnectFrame(ConnectEndOfStream()).encoded.readableBytesView) == [2, 0, 0, 0, 2, 0x7B, 0x7D])
    }

    @Test func `every way to cut a stream gives the same frames`() throws {
        let whole = try decoded(Self.stream, pieces: Self.stream.readableBytes)
        #expect(whole.map(\.isEnd) == [false, false, false, true])
        #expect(try whole[0].message() == ["event": ["start": ["pid": 42]]])
        #expect(try whole[1].message() == [:])
        let end = ConnectEndOfStream(json: try whole[3].message())
        #expect(end == ConnectEndOfStream(error: ConnectError(.notFound, "gone"), metadata: ["a": ["1", "2"]]))
        for pieces in 1...Self.stream.readableBytes {
            #expect(try decoded(Self.stream, pieces: pieces) == whole, "pieces of \(pieces)")
        }
    }

    @Test(
        "what is no frame is refused, and stays refused",
        arguments: [
            ([4, 0, 0, 0, 0], ConnectFrameError.unknownFlags(4)),
            ([1, 0, 0, 0, 0], .compressed),
            ([3], .compressed),
            ([0, 0, 0, 0, 65], .tooLong(length: 65, limit: 64)),
            ([0, 255, 255, 255, 255], .tooLong(length: 4_294_967_295, limit: 64)),
            ([2, 0, 0, 0, 0, 0], .afterEnd),
            (Array("HTTP/1.1".utf8), .unknownFlags(UInt8(ascii: "H"))),
        ])
    func garbage(bytes: [UInt8], error: ConnectFrameError) {
        var decoder = ConnectFrameDecoder(limit: 64)
        decoder.append(ByteBuffer(bytes: bytes))
        #expect(throws: error) { while try decoder.next() != nil {} }
        decoder.append(ConnectFrame([:]).encoded)
        #expect(throws: error) { try decoder.next() }
        #expect(throws: error) { try decoder.finish() }
        #expect(decoder.bufferedByteCount == 0)
    }

    @Test func `a stream cut inside a frame is known as cut`() throws {
        for count in 1..<7 {
            var decoder = ConnectFrameDecoder()
            decoder.append(ByteBuffer(bytes: [0, 0, 0, 0, 2, 0x7B, 0x7D].prefix(count)))
            let frame = try decoder.next()
            #expect((frame == nil) == (count < 7))
            #expect(throws: ConnectFrameError.cut) { try decoder.finish() }
        }
    }

    @Test func `a long stream that is never cut at a frame's end is not kept`() throws {
        var decoder = ConnectFrameDecoder()
        let frame = Array(ConnectFrame(["text": .string(String(repeating: "x", count: 1000))]).encoded.readableBytesView)
        decoder.append(ByteBuffer(bytes: frame.prefix(100)))
        for _ in 0..<20_000 {
            decoder.append(ByteBuffer(bytes: frame.dropFirst(100) + frame.prefix(100)))
            while try decoder.next() != nil {}
        }
        #expect(decoder.bufferedByteCount == 100)
        #expect(decoder.capacity < 64 * 1024)
    }

    @Test func `a message that is not JSON is the caller's mistake`() {
        #expect(throws: ConnectError.self) { try ConnectFrame(payload: ByteBuffer(string: "{")).message() }
    }
}
