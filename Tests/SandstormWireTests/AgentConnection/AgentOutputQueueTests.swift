import NIOCore
import Testing

@testable import SandstormWire

@Suite("Agent output queue")
struct AgentOutputQueueTests {
    @Test("gives back what it was given, in order, whatever the sizes", arguments: 0..<20)
    func order(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var queue = AgentOutputQueue()
        var expected: [(AgentOutputQueue.Stream, UInt8)] = []
        var actual: [(AgentOutputQueue.Stream, UInt8)] = []
        func take() {
            guard let (stream, bytes) = queue.popFirst() else { return }
            actual += bytes.readableBytesView.map { (stream, $0) }
        }
        for _ in 0..<200 {
            if random.next() % 3 == 0 { take() }
            let stream: AgentOutputQueue.Stream = random.next() % 2 == 0 ? .stdout : .stderr
            let size = [0, 1, 10, 5000, 16_384, 30_000][Int(random.next() % 6)]
            let bytes = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            expected += bytes.map { (stream, $0) }
            queue.append(stream, ByteBuffer(bytes: bytes))
        }
        while !queue.isEmpty { take() }
        #expect(actual.count == expected.count)
        #expect(zip(actual, expected).allSatisfy { $0 == $1 })
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

/// SplitMix64: the same numbers for the same seed.
private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
