import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Gzip")
struct GzipTests {
    /// A stream of `bytes` in pieces.
    private func stream(_ bytes: ByteBuffer, pieces: Int) -> ByteStream {
        let rest = Locked(bytes)
        return ByteStream { () async throws(ProviderError) in
            rest.withLock { $0.readableBytes == 0 ? nil : $0.readSlice(length: min(pieces, $0.readableBytes)) }
        }
    }

    private static let text = ByteBuffer(string: String(repeating: "All work and no play makes Jack a dull boy.\n", count: 5000))
    /// `printf hello | gzip -n`, by zlib.
    private static let hello: [UInt8] = [
        0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xCB, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x86, 0xA6, 0x10, 0x36, 0x05,
        0x00, 0x00, 0x00,
    ]

    @Test("what is compressed is decompressed", arguments: [1, 7, 1000, 65_536, 1_000_000])
    func roundTrip(pieces: Int) async throws {
        let text = pieces == 1 ? ByteBuffer(string: "some text") : Self.text
        let packed = try await stream(text, pieces: pieces).compressed.collect(upTo: .max)
        if pieces > 1 { #expect(packed.readableBytes < text.readableBytes / 10) }
        #expect(try await stream(packed, pieces: pieces).decompressed.collect(upTo: .max) == text)
    }

    @Test func `bytes that can't be made smaller grow little, and empty ones have a form too`() async throws {
        var generator = SeededGenerator(seed: 7)
        let noise = ByteBuffer(bytes: (0..<300_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        let packed = try await stream(noise, pieces: 10_000).compressed.collect(upTo: .max)
        #expect(packed.readableBytes < noise.readableBytes + 1000)
        #expect(try await stream(packed, pieces: 999).decompressed.collect(upTo: .max) == noise)
        let empty = try await stream(ByteBuffer(), pieces: 1).compressed.collect(upTo: 100)
        #expect(empty.readableBytes > 0)
        #expect(try await stream(empty, pieces: 1).decompressed.collect(upTo: 100).readableBytes == 0)
    }

    @Test func `what other programs wrote is read, joined files too`() async throws {
        #expect(String(buffer: try await stream(ByteBuffer(bytes: Self.hello), pieces: 3).decompressed.collect(upTo: 100)) == "hello")
        let two = ByteBuffer(bytes: Self.hello + Self.hello)
        for pieces in 1...two.readableBytes {
            #expect(String(buffer: try await stream(two, pieces: pieces).decompressed.collect(upTo: 100)) == "hellohello")
        }
    }

    @Test func `what is not gzip, or cut, or damaged is refused`() async throws {
        for pieces in [1, 100] {
            for count in 1..<Self.hello.count {
                let cut = stream(ByteBuffer(bytes: Self.hello.prefix(count)), pieces: pieces).decompressed
                await #expect(throws: ProviderError(.invalid, GzipError.cut.description)) { try await cut.collect(upTo: 100) }
            }
            var damaged = Self.hello
            damaged[20] ^= 1
            for bytes in [damaged, Array("plain text".utf8), Self.hello + Array("trailer".utf8)] {
                let stream = stream(ByteBuffer(bytes: bytes), pieces: pieces).decompressed
                await #expect(throws: ProviderError(.invalid, GzipError.malformed.description)) { try await stream.collect(upTo: 100) }
            }
        }
    }

    @Test func `a bomb comes in pieces of bounded length`() async throws {
        let encoder = try GzipEncoder(level: 9)
        var packed = ByteBuffer()
        let zeros = ByteBuffer(repeating: 0, count: 1 << 20)
        for _ in 0..<64 { packed.writeImmutableBuffer(encoder.encode(zeros)) }
        packed.writeImmutableBuffer(encoder.finish())
        #expect(packed.readableBytes < 100_000)
        let decoder = try GzipDecoder()
        decoder.append(packed)
        var (count, longest) = (0, 0)
        while let piece = try decoder.next() {
            count += piece.readableBytes
            longest = max(longest, piece.readableBytes)
        }
        try decoder.finish()
        #expect(count == 64 << 20)
        #expect(longest <= 64 * 1024)
    }
}
