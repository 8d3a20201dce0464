import SandstormWire
import Testing

@Suite("Agent frames on the wire")
struct AgentFrameCodingTests {
    @Test("come back as they went", arguments: AgentFixtures.frames)
    func roundTrip(frame: AgentFrame) throws {
        var decoder = AgentFrameDecoder()
        decoder.append(try frame.encoded())
        #expect(try decoder.next() == frame)
        #expect(try decoder.next() == nil)
        #expect(decoder.bufferedByteCount == 0)
    }

    @Test("have fixtures of every kind")
    func complete() {
        #expect(Set(AgentFixtures.messages.compactMap(\.kind)) == Set(AgentFrameKind.allCases))
    }

    @Test("have the bytes that the specification says")
    func golden() throws {
        let exited = AgentExit(status: .signal(9), userMicroseconds: 1, systemMicroseconds: 2, maximumResidentKiB: 3)
        #expect(
            try AgentFrame(channel: 0x0102_0304, message: .exited(exited)).encoded() == [
                0, 0, 0, 34, 0x18, 1, 2, 3, 4,
                1, 0, 0, 0, 9,
                0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3,
            ]
        )
        let start = AgentStart(
            arguments: ["ls"],
            environment: ["A=b"],
            directory: "/",
            terminal: AgentTerminalSize(columns: 80, rows: 24),
            umask: 0o22,
            flags: .mergesStderr
        )
        #expect(
            try AgentFrame(channel: 7, message: .start(start)).encoded() == [
                0, 0, 0, 40, 0x10, 0, 0, 0, 7,
                2, 1, 0, 80, 0, 24, 1, 0, 18,
                0, 0, 0, 1, 0x2f,
                0, 0, 0, 1, 0, 0, 0, 2, 0x6c, 0x73,
                0, 0, 0, 1, 0, 0, 0, 3, 0x41, 0x3d, 0x62,
            ]
        )
    }

    @Test("are not sent when no peer would take them")
    func tooLongToSend() throws {
        var bytes: [UInt8] = [1, 2, 3]
        let environment = [[UInt8]](repeating: [UInt8](repeating: 65, count: 1 << 20), count: 2)
        #expect(throws: AgentProtocolError.self) {
            try AgentFrame(channel: 1, message: .start(AgentStart(arguments: [], environment: environment))).encode(into: &bytes)
        }
        #expect(bytes == [1, 2, 3])
        let data = [UInt8](repeating: 0, count: AgentProtocol.maximumDataLength + 1)
        #expect(throws: AgentProtocolError.frameTooLong(length: data.count, maximum: AgentProtocol.maximumDataLength)) {
            try AgentFrame(channel: 1, message: .stdin(data)).encoded()
        }
    }

    @Test("can be written as header and payload")
    func headers() throws {
        var bytes: [UInt8] = []
        try AgentFrameHeader(kind: .stdin, channel: 5, payloadLength: 3).encode(into: &bytes)
        bytes += [1, 2, 3]
        #expect(bytes == (try AgentFrame(channel: 5, message: .stdin([1, 2, 3])).encoded()))
        let header = try bytes.withUnsafeBytes { try AgentFrameHeader(parsing: $0) }
        #expect(header == AgentFrameHeader(kind: .stdin, channel: 5, payloadLength: 3))
    }

    @Test(
        "are refused when malformed",
        arguments: [
            (0x02, [0, 0, 0]),  // half a number
            (0x02, [0, 0, 0, 0, 0, 0, 0, 0, 0]),  // a byte left over
            (0x04, [0]),  // a payload where none belongs
            (0x09, [0, 0, 0, 2, 1, 0xff, 0xff, 0xff, 0xff]),  // a string of 4 GiB
            (0x10, [0, 2]),  // a presence byte that is neither
            (0x10, [0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),  // a list of 4 billion
            (0x16, [9, 2]),  // a signal for nobody
            (0x18, [2] + [UInt8](repeating: 0, count: 28)),  // an end that is neither
        ] as [(UInt8, [UInt8])]
    )
    func malformed(kind: UInt8, payload: [UInt8]) throws {
        var bytes: [UInt8] = []
        try AgentFrameHeader(kindNumber: kind, channel: 1, payloadLength: payload.count).encode(into: &bytes)
        var decoder = AgentFrameDecoder()
        decoder.append(bytes + payload)
        let error = #expect(throws: AgentProtocolError.self) { try decoder.next() }
        guard case .malformed(kind, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
