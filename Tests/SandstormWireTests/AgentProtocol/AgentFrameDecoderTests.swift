import SandstormWire
import Testing

@Suite("Decoding a stream of agent frames")
struct AgentFrameDecoderTests {
    @Test("works at every split point")
    func everySplit() throws {
        let frames = AgentFixtures.shortFrames
        let stream = try frames.flatMap { try $0.encoded() }
        for split in 0...stream.count {
            var decoder = AgentFrameDecoder()
            decoder.append(Array(stream[..<split]))
            var decoded = try decoder.drain()
            decoder.append(Array(stream[split...]))
            decoded += try decoder.drain()
            #expect(decoded == frames, "split at \(split)")
        }
    }

    @Test("works byte by byte, and takes frames as soon as they are whole")
    func byteByByte() throws {
        var decoder = AgentFrameDecoder()
        for frame in AgentFixtures.shortFrames {
            let bytes = try frame.encoded()
            for byte in bytes.dropLast() {
                decoder.append([byte])
                #expect(try decoder.next() == nil)
            }
            decoder.append([bytes[bytes.count - 1]])
            #expect(try decoder.next() == frame)
        }
    }

    @Test("refuses a length as soon as it is there, and stays refused")
    func lengths() throws {
        var tooLong = AgentFrameDecoder()
        tooLong.append([0xff, 0xff, 0xff, 0xff])
        let expected = AgentProtocolError.frameTooLong(length: 0xffff_ffff - 5, maximum: AgentProtocol.maximumPayloadLength)
        #expect(throws: expected) { try tooLong.next() }
        tooLong.append(try AgentFrame(channel: 0, message: .shutdown).encoded())
        #expect(throws: expected) { try tooLong.next() }
        #expect(tooLong.bufferedByteCount == 0)

        var tooShort = AgentFrameDecoder()
        tooShort.append([0, 0, 0, 4])
        #expect(throws: AgentProtocolError.frameTooShort(length: 4)) { try tooShort.next() }

        // Data has a limit of its own, known once the kind is.
        var tooMuchData = AgentFrameDecoder()
        tooMuchData.append([0, 1, 0, 6])
        #expect(try tooMuchData.next() == nil)
        tooMuchData.append([AgentFrameKind.stdout.rawValue, 0, 0, 0, 1])
        #expect(throws: AgentProtocolError.frameTooLong(length: 65537, maximum: 65536)) { try tooMuchData.next() }
    }

    @Test("does not take quadratic time for a stream in small pieces")
    func linear() throws {
        // 16 MiB in pieces of 1 KiB: quadratic copying would move 128 GiB and be noticed.
        let frame = try AgentFrame(channel: 1, message: .stdout([UInt8](repeating: 1, count: 65536))).encoded()
        let small = try AgentFrame(channel: 1, message: .stdout([1])).encoded()
        var decoder = AgentFrameDecoder()
        var count = 0
        for _ in 0..<256 {
            var offset = 0
            while offset < frame.count {
                let end = min(offset + 1024, frame.count)
                decoder.append(Array(frame[offset..<end]))
                offset = end
                count += try decoder.drain().count
            }
        }
        #expect(count == 256)
        // Many frames in one piece.
        decoder.append([UInt8](repeatElement(small, count: 100_000).joined()))
        #expect(try decoder.drain().count == 100_000)
    }
}
