import NIOCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Connect frames from a hostile peer")
struct ConnectFrameFuzzTests {
    /// One seed is new in each run; a failure prints it, to be added here by hand.
    static let seeds: [UInt64] = [0, .random(in: .min ... .max)]

    private struct Reading: Hashable {
        var frames: [ConnectFrame] = []
        var error: ConnectFrameError?
    }

    @Test("random streams are read alike however they are cut", arguments: seeds)
    func chunks(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let end = ContinuousClock.now + .seconds(2)
        var cases = 0
        while cases < 500_000, .now < end {
            cases += 1
            var stream: [UInt8] = []
            for _ in 0..<Int.random(in: 0...6, using: &generator) {
                switch Int.random(in: 0...5, using: &generator) {
                case 0: stream += (0..<Int.random(in: 0...12, using: &generator)).map { _ in .random(in: 0...3, using: &generator) }
                case 1: stream.append(.random(in: .min ... .max, using: &generator))
                default:
                    let count = Int.random(in: 0...40, using: &generator)
                    let payload = ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
                    let isEnd = Int.random(in: 0...9, using: &generator) == 0
                    stream += ConnectFrame(payload: payload, isEnd: isEnd).encoded.readableBytesView
                }
            }
            let whole = read(stream, pieces: stream.count...max(1, stream.count), &generator, seed)
            let single = read(stream, pieces: 1...1, &generator, seed)
            let random = read(stream, pieces: 1...9, &generator, seed)
            guard whole == single, whole == random else {
                Issue.record("seed \(seed), case \(cases): \(stream) depends on its cuts")
                return
            }
            let size = whole.frames.reduce(0) { $0 + ConnectFrame.headerLength + $1.payload.readableBytes }
            if size > stream.count { Issue.record("seed \(seed): more came out than went in") }
        }
        #expect(cases > 100)
    }

    private func read(_ stream: [UInt8], pieces: ClosedRange<Int>, _ generator: inout SeededGenerator, _ seed: UInt64) -> Reading {
        var decoder = ConnectFrameDecoder(limit: 32)
        var reading = Reading()
        var rest = ByteBuffer(bytes: stream)
        do throws(ConnectFrameError) {
            while rest.readableBytes > 0 {
                let size = max(1, min(rest.readableBytes, Int.random(in: pieces, using: &generator)))
                rest.readSlice(length: size).map { decoder.append($0) }
                while let frame = try decoder.next() { reading.frames.append(frame) }
                if decoder.bufferedByteCount > 36 { Issue.record("seed \(seed): \(decoder.bufferedByteCount) bytes are kept") }
            }
            try decoder.finish()
        } catch {
            reading.error = error
        }
        return reading
    }
}
