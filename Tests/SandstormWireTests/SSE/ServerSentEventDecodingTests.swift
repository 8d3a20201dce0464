import NIOCore
import SandstormWire
import Testing

@Suite("Server-sent events, read") struct ServerSentEventDecodingTests {
    private func decoded(_ text: String) throws -> [ServerSentEvent] {
        var decoder = ServerSentEventDecoder()
        return try decoder.decode(Array(text.utf8))
    }

    private func event(_ data: String, id: String? = nil, name: String? = nil) -> ServerSentEvent {
        ServerSentEvent(id: id, name: name, data: Array(data.utf8))
    }

    @Test func `fields are read, with and without the space`() throws {
        #expect(try decoded("id: 1\nevent: stdout\ndata: x\n\n") == [event("x", id: "1", name: "stdout")])
        #expect(try decoded("id:1\nevent:stdout\ndata:x\n\n") == [event("x", id: "1", name: "stdout")])
        #expect(try decoded("data:  x\n\n") == [event(" x")])
    }

    @Test("lines end with CR, LF or CRLF", arguments: ["\n", "\r", "\r\n"])
    func lineEnds(end: String) throws {
        let text = ["data: a", "data: b", "", "data", "", ""].joined(separator: end)
        #expect(try decoded(text) == [event("a\nb"), event("")])
    }

    @Test func `comments, unknown fields and a byte order mark are passed over`() throws {
        #expect(try decoded("\u{FEFF}data: a\n: beat\nshape: round\n\n") == [event("a")])
        #expect(try decoded(": beat\n\n: beat\n\n") == [])
    }

    @Test func `an event without data is none, and its name does not stick`() throws {
        #expect(try decoded("event: a\n\ndata: b\n\n") == [event("b")])
    }

    @Test func `what the end cuts off is dropped`() throws {
        #expect(try decoded("data: a\n\ndata: b\n") == [event("a")])
    }

    @Test func `the position counts complete events only`() throws {
        var decoder = ServerSentEventDecoder()
        _ = try decoder.decode(Array("id: 1\ndata: a\n\nid: 2\ndata: b\n".utf8))
        #expect(decoder.lastEventID == "1")
        _ = try decoder.decode(Array("\n".utf8))
        #expect(decoder.lastEventID == "2")
        _ = try decoder.decode(Array("data: c\n\nid: x\0y\ndata: d\n\n".utf8))
        #expect(decoder.lastEventID == "2")
    }

    @Test func `the time to wait is kept if it is a number`() throws {
        var decoder = ServerSentEventDecoder()
        _ = try decoder.decode(Array("retry: 2500\n\nretry: soon\n\nretry: 99999999999999999999\n\n".utf8))
        #expect(decoder.retry == .milliseconds(2500))
    }

    @Test func `every way to cut a stream gives the same events`() throws {
        let text = "\u{FEFF}id: 1\r\nevent: stdout\r\ndata: ä€😀\r\n\r\n: beat\n\ndata: 1\rdata: 2\r\rid: 3\ndata\n\n"
        let whole = try decoded(text)
        #expect(whole.count == 3)
        let bytes = Array(text.utf8)
        for size in 1...bytes.count {
            var decoder = ServerSentEventDecoder()
            var events: [ServerSentEvent] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += try decoder.decode(ByteBuffer(bytes: bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(events == whole, "pieces of \(size)")
        }
    }

    @Test func `what is written is read back`() throws {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ab:\n\r \"\u{E4}".utf8)
        for _ in 0..<200 {
            let data = (0..<Int.random(in: 0...40, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            var buffer = ByteBuffer()
            ServerSentEvent(id: "4", name: "n", data: data).encode(into: &buffer)
            var decoder = ServerSentEventDecoder()
            let events = try decoder.decode(buffer)
            #expect(events.map(\.data) == [normalised(data)], "\(data)")
        }
    }

    /// What a reader gets of `data`: line breaks are all alike, and nothing else is changed.
    private func normalised(_ data: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (index, byte) in data.enumerated() {
            if byte == 0x0A, index > 0, data[index - 1] == 0x0D { continue }
            result.append(byte == 0x0D ? 0x0A : byte)
        }
        return result
    }

    @Test func `an event beyond the limit is refused, however it is cut`() {
        var one = ServerSentEventDecoder(limit: 16)
        #expect(throws: ServerSentEventTooLong(limit: 16)) { try one.decode(Array("data: 0123456789012345".utf8)) }
        var two = ServerSentEventDecoder(limit: 16)
        #expect(throws: ServerSentEventTooLong(limit: 16)) {
            for _ in 0..<8 { _ = try two.decode(Array("data: 012\n".utf8)) }
        }
    }
}
