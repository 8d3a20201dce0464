import NIOCore
import SandstormTestSupport
import Testing

@testable import SandstormWire

@Suite("Agent output queue")
struct AgentOutputQueueTests {
    @Test("gives back what it was given, in order, whatever the sizes", arguments: 0..<20)
    func order(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = AgentOutputQueue()
        // Of each byte its value, and from which stream it is.
        var expected: (bytes: [UInt8], streams: [Bool]) = ([], [])
        var actual = expected
        func take() {
            guard let (stream, bytes) = queue.popFirst() else { return }
            actual.bytes += Array(buffer: bytes)
            actual.streams += Array(repeating: stream == .stdout, count: bytes.readableBytes)
        }
        for index in 0..<200 {
            if random.next() % 3 == 0 { take() }
            let stream: AgentOutputQueue.Stream = random.next() % 2 == 0 ? .stdout : .stderr
            let size = [0, 1, 10, 5000, 16_384, 30_000][Int(random.next() % 6)]
            expected.bytes += Array(repeating: UInt8(index), count: size)
            expected.streams += Array(repeating: stream == .stdout, count: size)
            queue.append(stream, ByteBuffer(repeating: UInt8(index), count: size))
        }
        while !queue.isEmpty { take() }
        #expect(actual.bytes == expected.bytes)
        #expect(actual.streams == expected.streams)
        #expect(queue.popFirst() == nil)
    }

    @Test("small pieces of one stream come out as one")
    func merging() {
        var queue = AgentOutputQueue()
        for index in 0..<100 { queue.append(.stdout, ByteBuffer(bytes: [UInt8(index)])) }
        #expect(queue.popFirst()?.bytes.readableBytes == 100)
        #expect(queue.isEmpty)
    }
}
