import NIOCore
import SandstormCore
import SandstormWire
import Testing

@Suite("A form read part by part")
struct MultipartReaderTests {
    private static let form = """
        --b\r\nContent-Disposition: form-data; filename=one\r\n\r\n1111\r\n--b\r\nContent-Disposition: form-data; filename=two\r\n\r\n\
        2222\r\n--b--\r\n
        """

    /// The form in pieces; how many were taken can be asked.
    private final class Source: Sendable {
        private let rest: Locked<[ByteBuffer]>
        private let failure: ProviderError?
        let taken = Locked(0)

        init(_ text: String, pieces: Int = 7, failure: ProviderError? = nil) {
            var buffer = ByteBuffer(string: text)
            var all: [ByteBuffer] = []
            while buffer.readableBytes > 0, let piece = buffer.readSlice(length: min(pieces, buffer.readableBytes)) { all.append(piece) }
            rest = Locked(all)
            self.failure = failure
        }

        var stream: ByteStream {
            ByteStream { () async throws(ProviderError) in
                self.taken.withLock { $0 += 1 }
                let piece = self.rest.withLock { $0.isEmpty ? nil : $0.removeFirst() }
                if piece == nil, let failure = self.failure { throw failure }
                return piece
            }
        }
    }

    private func reader(_ source: Source) throws -> MultipartReader {
        MultipartReader(source.stream, decoder: try MultipartDecoder(boundary: "b"))
    }

    @Test func `each part has its own bytes`() async throws {
        let reader = try reader(Source(Self.form))
        let one = try #require(try await reader.next())
        #expect(one.headers.filename == "one")
        #expect(String(buffer: try await one.bytes.collect(upTo: 100)) == "1111")
        let two = try #require(try await reader.next())
        #expect(String(buffer: try await two.bytes.collect(upTo: 100)) == "2222")
        #expect(try await reader.next() == nil)
        #expect(try await reader.next() == nil)
        #expect(try await two.bytes.collect(upTo: 100).readableBytes == 0)
    }

    @Test func `what is not read of a part is passed over, and is no part of the next`() async throws {
        let reader = try reader(Source(Self.form, pieces: 3))
        let one = try #require(try await reader.next())
        let two = try #require(try await reader.next())
        #expect(try await one.bytes.collect(upTo: 100).readableBytes == 0)
        #expect(String(buffer: try await two.bytes.collect(upTo: 100)) == "2222")
    }

    @Test func `the sender waits for whoever reads`() async throws {
        let source = Source("--b\r\n\r\n\(String(repeating: "x", count: 100_000))\r\n--b--", pieces: 1000)
        let reader = try reader(source)
        let part = try #require(try await reader.next())
        let before = source.taken.withLock { $0 }
        #expect(before <= 2)
        var iterator = part.bytes.makeAsyncIterator()
        _ = try await iterator.next(isolation: nil)
        #expect(source.taken.withLock { $0 } <= before + 1)
    }

    @Test func `a source that fails, and one that is cut, fail the part`() async throws {
        let broken = ProviderError(.unavailable, "gone")
        let failing = try reader(Source("--b\r\n\r\nabc", failure: broken))
        let part = try #require(try await failing.next())
        await #expect(throws: broken) { try await part.bytes.collect(upTo: 100) }
        let cut = try reader(Source("--b\r\n\r\nabc"))
        let other = try #require(try await cut.next())
        await #expect(throws: ProviderError(.invalid, MultipartError.cut.description)) { try await other.bytes.collect(upTo: 100) }
        await #expect(throws: ProviderError.self) { try await cut.next() }
    }
}
