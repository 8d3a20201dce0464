import NIOCore
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Forms from a hostile peer")
struct MultipartFuzzTests {
    /// One seed is new in each run; a failure prints it, to be added here by hand.
    static let seeds: [UInt64] = [0, .random(in: .min ... .max)]

    /// What a body is, however it was cut: its parts up to where it went wrong, and how it went wrong.
    private struct Reading: Hashable {
        var parts: [MultipartDecoderTests.Part] = []
        var whole = 0
        var error: MultipartError?
    }

    private static let words = [
        "\r\n--b", "--b", "\r\n", "\r", "\n", "-", "--", " ", "\t", "b", "x", "Content-Disposition: form-data; ", "filename=\"", "\"", "\\",
        ";",
        "=", ":", "A: b", "\r\n\r\n", "\r\n--b\r\n", "\r\n--b--", "\r\n--b\r\nContent-Disposition: form-data; filename=\"a\"\r\n\r\n", "é",
    ].map { Array($0.utf8) }

    @Test("random bodies are read alike however they are cut", arguments: seeds)
    func chunks(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let end = ContinuousClock.now + .seconds(2)
        var cases = 0
        while cases < 500_000, .now < end {
            cases += 1
            var body: [UInt8] = Bool.random(using: &generator) ? Array("--b\r\n\r\n".utf8) : []
            for _ in 0..<Int.random(in: 0...30, using: &generator) {
                if Int.random(in: 0...9, using: &generator) == 0 {
                    body.append(.random(in: .min ... .max, using: &generator))
                } else {
                    body += Self.words.randomElement(using: &generator) ?? []
                }
            }
            let whole = try read(body, pieces: body.count...max(1, body.count), &generator, seed)
            let single = try read(body, pieces: 1...1, &generator, seed)
            let random = try read(body, pieces: 1...9, &generator, seed)
            guard whole == single, whole == random else {
                Issue.record("seed \(seed), case \(cases): \(String(decoding: body, as: UTF8.self).debugDescription) depends on its cuts")
                return
            }
        }
        #expect(cases > 100)
    }

    private func read(
        _ body: [UInt8], pieces: ClosedRange<Int>, _ generator: inout SeededGenerator, _ seed: UInt64
    ) throws -> Reading {
        var decoder = try MultipartDecoder(boundary: "b", headerLimit: 60, partLimit: 4)
        var reading = Reading()
        var rest = ByteBuffer(bytes: body)
        do throws(MultipartError) {
            while rest.readableBytes > 0 {
                let size = max(1, min(rest.readableBytes, Int.random(in: pieces, using: &generator)))
                rest.readSlice(length: size).map { decoder.append($0) }
                while let event = try decoder.next() {
                    switch event {
                    case .part(let headers): reading.parts.append(MultipartDecoderTests.Part(headers))
                    case .data(let bytes): reading.parts[reading.parts.count - 1].bytes += bytes.readableBytesView
                    case .partEnd: reading.whole += 1
                    }
                }
                // A delimiter with its padding, or the headers of one part.
                if decoder.bufferedByteCount > 72 { Issue.record("seed \(seed): \(decoder.bufferedByteCount) bytes are kept") }
            }
            try decoder.finish()
        } catch {
            reading.error = error
            // A cut piece of data may be held back as the beginning of a delimiter, or not: what counts is what came before.
        }
        return reading
    }
}
