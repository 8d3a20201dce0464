import SandstormCore
import SandstormTestSupport
import Testing

@Suite("JSON values") struct JSONValueTests {
    @Test(
        "what is not strict JSON is refused with the place",
        arguments: [
            "", " ", "{", "[", "\"", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1,]", "[1 2]", "01", "1.", ".5", "+1", "1e", "-", "nul",
            "truee", "'a'", "{a:1}", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\udc00x\"", "\"\\ud800\\u0041\"", "\"\u{1}\"", "{} {}",
            "NaN", "Infinity", "// comment\n1", "{\"a\":1,\"a\":2}",
        ])
    func refuses(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: [UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) }
    }

    @Test func `nesting has a limit that does not overflow the stack`() throws {
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: deep) }
        let allowed = String(repeating: "[", count: 60) + String(repeating: "]", count: 60)
        _ = try JSONValue(parsing: allowed)
    }

    @Test func `numbers keep the digits that were written`() throws {
        let value = try JSONValue(parsing: "[0.10, 1e3, -0, 12345678901234567890, 2.5]")
        #expect(value == .array([.number("0.10"), .number("1e3"), .number("-0"), .number("12345678901234567890"), .number("2.5")]))
        #expect(value.arrayValue?[1].intValue == 1000)
        #expect(value.arrayValue?[3].intValue == nil)
        #expect(value.arrayValue?[4].intValue == nil)
    }

    @Test func `escapes and surrogate pairs are read`() throws {
        let value = try JSONValue(parsing: #""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é😀""#)
        #expect(value.stringValue == "\"\\/\u{8}\u{c}\n\r\té😀 é😀")
    }

    @Test func `what is written is read again`() throws {
        let value: JSONValue = [
            "text": "line\nbreak \"quoted\" \\ \u{1} \u{7f} é😀", "list": [1, true, .null, .number("0.10")], "empty": [:],
            "nested": ["a": []],
        ]
        #expect(try JSONValue(parsing: value.encodedBytes) == value)
    }

    @Test func `the canonical form does not depend on the order of members`() throws {
        let left = try JSONValue(parsing: #"{"b":{"y":1,"x":2},"a":[3]}"#)
        let right = try JSONValue(parsing: #"{ "a": [3], "b": {"x": 2, "y": 1} }"#)
        #expect(left.canonicalBytes == right.canonicalBytes)
        #expect(left.encodedBytes != right.encodedBytes)
    }

    @Test("random bytes never trap the parser", arguments: 0..<20)
    func fuzz(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet = Array("{}[]\",:0123456789eE+-.tfn\\u d8\u{e9}".utf8) + [0xFF, 0x00]
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            if let value = try? JSONValue(parsing: bytes) {
                #expect((try? JSONValue(parsing: value.encodedBytes)) == value, "seed \(seed)")
            }
        }
    }
}
