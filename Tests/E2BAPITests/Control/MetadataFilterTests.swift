import HTTPTypes
import SandstormCore
import SandstormTestSupport
import Testing

@testable import E2BAPI

@Suite("Filters by labels, whatever comes") struct MetadataFilterTests {
    private static let alphabet = Array("%%%%%2531aZ&&==+;/?#\u{e9}\u{1F600} \0".unicodeScalars)

    private static func encode(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }.joined()
    }

    @Test func `labels survive the escaping that SDKs do`() throws {
        var generator = SeededGenerator(seed: 4711)
        for _ in 0..<2000 {
            var labels: [String: String] = [:]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                labels[Self.text(1...6, &generator)] = Self.text(0...6, &generator)
            }
            // Key by key, then as a form, then as a value; the last layer is the query's own.
            let form = labels.map { "\(Self.encode(Self.encode($0.key)))=\(Self.encode(Self.encode($0.value)))" }.joined(separator: "&")
            #expect(try MetadataFilter.labels(form) == labels)
        }
    }

    @Test func `a million texts neither end the process nor make more of themselves than they are`() {
        var generator = SeededGenerator(seed: 20_26)
        var understood = 0
        for _ in 0..<1_000_000 {
            let text = Self.text(0...12, &generator)
            do throws(E2BError) {
                let labels = try MetadataFilter.labels(text)
                let size = labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
                if size > text.utf8.count { Issue.record("\(text) became more than it is") }
                understood += 1
            } catch {
                if error.status != .badRequest || error.message.isEmpty { Issue.record("\(text): \(error)") }
            }
        }
        #expect(understood > 10_000 && understood < 990_000)
    }

    @Test func `what is too much is refused`() {
        #expect(throws: E2BError.self) { try MetadataFilter.labels(String(repeating: "a", count: 65_537)) }
        #expect(throws: E2BError.self) { try MetadataFilter.labels((0..<101).map { "k\($0)=v" }.joined(separator: "&")) }
        #expect(throws: E2BError.self) { try MetadataFilter.labels("k=%zz") }
        #expect(throws: E2BError.self) { try MetadataFilter.labels("k=%25ff") }
    }

    private static func text(_ length: ClosedRange<Int>, _ generator: inout SeededGenerator) -> String {
        var text = ""
        for _ in 0..<Int.random(in: length, using: &generator) {
            text.unicodeScalars.append(alphabet[Int.random(in: alphabet.indices, using: &generator)])
        }
        return text
    }
}
