import NIOCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("WebSocket frames") struct WebSocketFrameTests {
    private static let limit = 1 << 20

    private func decode(_ bytes: [UInt8], role: WebSocketRole = .server, limit: Int = limit) throws -> [WebSocketFrameDecoder.Event] {
        var decoder = WebSocketFrameDecoder(role: role, limit: limit)
        decoder.append(ByteBuffer(bytes: bytes))
        var events: [WebSocketFrameDecoder.Event] = []
        while let event = try decoder.next() { events.append(event) }
        return events
    }

    private func encoded(_ message: WebSocketMessage, role: WebSocketRole) -> ByteBuffer {
        var buffer = ByteBuffer()
        WebSocketFrameEncoder(role: role).encode(message, into: &buffer)
        return buffer
    }

    /// A frame of a client with a mask of zeros, which changes nothing.
    private func frame(_ first: UInt8, _ payload: [UInt8], isMasked: Bool = true) -> [UInt8] {
        var frame = [first]
        let bit: UInt8 = isMasked ? 0x80 : 0
        if payload.count < 126 {
            frame.append(bit | UInt8(payload.count))
        } else {
            frame += [bit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        }
        return frame + (isMasked ? [0, 0, 0, 0] : []) + payload
    }

    @Test("the examples of RFC 6455 are read")
    func examples() throws {
        #expect(try decode([0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], role: .client) == [.message(.text("Hello"))])
        #expect(
            try decode([0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]) == [.message(.text("Hello"))])
        #expect(
            try decode([0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f], role: .client) == [.message(.text("Hello"))])
        #expect(
            try decode([0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58]) == [.pong(ByteBuffer(string: "Hello"))])
        #expect(WebSocketHandshake.accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(
        "messages of every length come through, in both roles", arguments: [0, 1, 7, 8, 125, 126, 127, 65_535, 65_536, 1 << 20],
        [WebSocketRole.client, .server])
    func lengths(length: Int, sender: WebSocketRole) throws {
        let message = WebSocketMessage.binary(ByteBuffer(bytes: (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
        let bytes = Array(encoded(message, role: sender).readableBytesView)
        #expect(try decode(bytes, role: sender == .client ? .server : .client) == [.message(message)])
    }

    @Test func `pieces of any size give the same messages`() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0..<200 {
            var stream = ByteBuffer()
            var expected: [WebSocketFrameDecoder.Event] = []
            let encoder = WebSocketFrameEncoder(role: .client)
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let bytes = (0..<Int.random(in: 0...300, using: &generator)).map { _ in UInt8.random(in: 0x20...0x7E, using: &generator) }
                switch Int.random(in: 0..<4, using: &generator) {
                case 0:
                    let ping = ByteBuffer(bytes: bytes.prefix(125))
                    encoder.encodePing(ping, into: &stream)
                    expected.append(.ping(ping))
                case 1:
                    encoder.encode(.text(String(decoding: bytes, as: UTF8.self)), into: &stream)
                    expected.append(.message(.text(String(decoding: bytes, as: UTF8.self))))
                default:
                    encoder.encode(.binary(ByteBuffer(bytes: bytes)), into: &stream)
                    expected.append(.message(.binary(ByteBuffer(bytes: bytes))))
                }
            }
            var decoder = WebSocketFrameDecoder(role: .server, limit: 1000)
            var events: [WebSocketFrameDecoder.Event] = []
            while stream.readableBytes > 0 {
                let length = min(stream.readableBytes, Int.random(in: 1...40, using: &generator))
                let piece = stream.readSlice(length: length)
                decoder.append(try #require(piece))
                while let event = try decoder.next() { events.append(event) }
            }
            #expect(events == expected)
        }
    }

    @Test func `a stream that is never cut at a frame's end is not kept`() throws {
        var decoder = WebSocketFrameDecoder(role: .server, limit: WebSocketFrameTests.limit)
        let frame = frame(0x82, [UInt8](repeating: 7, count: 1000))
        decoder.append(ByteBuffer(bytes: frame.prefix(100)))
        for _ in 0..<5000 {
            decoder.append(ByteBuffer(bytes: frame.dropFirst(100) + frame.prefix(100)))
            while try decoder.next() != nil {}
        }
        #expect(decoder.capacity < 64 * 1024)
    }

    @Test func `control frames come between the fragments of a message`() throws {
        let bytes = frame(0x01, Array("a".utf8)) + frame(0x89, [1]) + frame(0x00, Array("b".utf8)) + frame(0x80, Array("c".utf8))
        #expect(try decode(bytes) == [.ping(ByteBuffer(bytes: [1])), .message(.text("abc"))])
    }

    @Test(
        "what may not be sent is refused",
        arguments: [
            ("an unmasked frame", [0x81, 0x01, 0x61], 1002), ("a reserved bit", [0xC1, 0x80, 0, 0, 0, 0], 1002),
            ("an unknown opcode", [0x83, 0x80, 0, 0, 0, 0], 1002), ("an unknown control", [0x8B, 0x80, 0, 0, 0, 0], 1002),
            ("a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0], 1002),
            ("a message inside another", [0x01, 0x80, 0, 0, 0, 0, 0x81, 0x80, 0, 0, 0, 0], 1002),
            ("a fragmented ping", [0x09, 0x80, 0, 0, 0, 0], 1002), ("a long ping", [0x89, 0xFE, 0, 126, 0, 0, 0, 0], 1002),
            ("a length of 16 bits that needs 7", [0x82, 0xFE, 0, 125, 0, 0, 0, 0], 1002),
            ("a length of 64 bits that needs 16", [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0], 1002),
            ("a negative length", [0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1002),
            ("a length beyond memory", [0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0], 1009),
            ("text that is not UTF-8", [0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], 1007),
            ("half a close code", [0x88, 0x81, 0, 0, 0, 0, 3], 1002),
            ("a close code that is never sent", [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),
            ("a reason that is not UTF-8", [0x88, 0x83, 0, 0, 0, 0, 0x03, 0xE8, 0xFF], 1007),
        ] as [(String, [UInt8], Int)])
    func refused(name: String, bytes: [UInt8], code: Int) throws {
        let error = #expect(throws: WebSocketClose.self) { try decode(bytes) }
        #expect(error.map { Int($0.code.rawValue) } == code)
    }

    @Test func `a message that is too long is refused by its header, fragments counted together`() throws {
        #expect(throws: WebSocketClose.self) { try decode([0x82, 0xFE, 0, 200], limit: 100) }
        var error = #expect(throws: WebSocketClose.self) { try decode(frame(0x02, [UInt8](repeating: 0, count: 101)), limit: 100) }
        #expect(error?.code == .tooLarge)
        let half = [UInt8](repeating: 0, count: 60)
        error = #expect(throws: WebSocketClose.self) { try decode(frame(0x02, half) + frame(0x80, half), limit: 100) }
        #expect(error?.code == .tooLarge)
        #expect(try decode(frame(0x02, half) + frame(0x80, Array(half.prefix(40))), limit: 100).count == 1)
    }

    @Test func `a server's mask is refused by a client`() throws {
        let masked = frame(0x82, [1])
        let error = #expect(throws: WebSocketClose.self) { try decode(masked, role: .client) }
        #expect(error?.code == .protocolError)
    }

    @Test func `a close tells code and reason, of which a long one is shortened between characters`() throws {
        for (close, expected) in [
            (WebSocketClose(.normal, "done"), WebSocketClose(.normal, "done")), (WebSocketClose(.noStatus), WebSocketClose(.noStatus)),
            (WebSocketClose(.abnormal, "never sent"), WebSocketClose(.noStatus)),
            (
                WebSocketClose(.goingAway, String(repeating: "ä", count: 100)),
                WebSocketClose(.goingAway, String(repeating: "ä", count: 61))
            ),
        ] {
            var buffer = ByteBuffer()
            WebSocketFrameEncoder(role: .client).encode(close, into: &buffer)
            #expect(try decode(Array(buffer.readableBytesView)) == [.close(expected)])
        }
    }

    @Test func `garbage never does more than end the socket`() {
        var generator = SeededGenerator(seed: 12)
        for _ in 0..<5000 {
            let bytes = (0..<Int.random(in: 1...64, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            _ = try? decode(bytes, limit: 1000)
            _ = try? decode(bytes, role: .client, limit: 1000)
        }
    }
}
