import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Agent frames from a hostile peer")
struct AgentFrameFuzzTests {
    /// One seed is new in each run; a failure prints it, to be added here by hand.
    static let seeds: [UInt64] = [0, 1, .random(in: .min ... .max)]

    @Test("random bytes", arguments: seeds)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let count = Int.random(in: 0...200, using: &generator)
            feed((0..<count).map { _ in .random(in: .min ... .max, using: &generator) }, &generator, seed)
        }
    }

    @Test("random payloads behind valid headers", arguments: seeds)
    func randomPayloads(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<10_000 {
            let count = Int.random(in: 0...80, using: &generator)
            var bytes: [UInt8] = []
            let kind = UInt8.random(in: 0...0x36, using: &generator)
            try AgentFrameHeader(kindNumber: kind, channel: .random(in: .min ... .max, using: &generator), payloadLength: count)
                .encode(into: &bytes)
            // Small bytes make plausible lengths.
            let top: UInt8 = Bool.random(using: &generator) ? 3 : .max
            bytes += (0..<count).map { _ in .random(in: 0...top, using: &generator) }
            feed(bytes, &generator, seed)
        }
    }

    @Test("valid streams with mutations", arguments: seeds)
    func mutations(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let frames = try AgentFixtures.shortFrames.map { try $0.encoded() }
        for _ in 0..<5_000 {
            var stream = (0..<Int.random(in: 1...5, using: &generator)).flatMap { _ in frames.randomElement(using: &generator) ?? [] }
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !stream.isEmpty {
                let index = Int.random(in: 0..<stream.count, using: &generator)
                switch Int.random(in: 0...3, using: &generator) {
                case 0: stream[index] = .random(in: .min ... .max, using: &generator)
                case 1: stream[index] ^= 1 << UInt8.random(in: 0...7, using: &generator)
                case 2: stream.remove(at: index)
                default: stream.insert(.random(in: .min ... .max, using: &generator), at: index)
                }
            }
            feed(stream, &generator, seed)
        }
    }

    /// Feeds the bytes in random pieces. What comes out must be no more than what went in, and be frames that encode again.
    private func feed(_ bytes: [UInt8], _ generator: inout SeededGenerator, _ seed: UInt64) {
        var decoder = AgentFrameDecoder()
        var offset = 0
        var frames: [AgentFrame] = []
        do {
            while offset < bytes.count {
                let end = Int.random(in: offset + 1...bytes.count, using: &generator)
                decoder.append(Array(bytes[offset..<end]))
                offset = end
                while let frame = try decoder.next() {
                    frames.append(frame)
                }
                #expect(decoder.bufferedByteCount <= offset, "seed \(seed)")
            }
        } catch {
            // A typed error is a fine answer to nonsense.
        }
        var size = 0
        for frame in frames {
            // Text that was not UTF-8 is repaired, and then longer: at most three bytes for one.
            guard let encoded = try? frame.encoded() else {
                Issue.record("seed \(seed): \(frame) came in and can't go out")
                return
            }
            size += encoded.count
        }
        #expect(size <= 3 * bytes.count, "seed \(seed)")
    }
}
