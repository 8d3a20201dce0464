import SandstormTestSupport
import Testing

@testable import SandstormCLI

@Suite("What a terminal is shown of a program's output") struct TerminalFilterTests {
    private func filtered(_ bytes: [UInt8]) -> [UInt8] {
        var filter = TerminalFilter()
        return filter.filter(bytes) + filter.end()
    }

    private func filtered(_ text: String) -> String { String(decoding: filtered(Array(text.utf8)), as: UTF8.self) }

    @Test(arguments: [
        "plain text\n", "tabs\tand\r\nbreaks\u{8}", "\u{1B}[31mred\u{1B}[0m", "\u{1B}[1;38;5;200mbold\u{1B}[m",
        "\u{1B}[38:2::1:2:3mx\u{1B}[0m",
        "50 %\r\u{1B}[K60 %\n", "Grüße, 世界 🌪\n", "",
    ])
    func `passes text and colours`(text: String) { #expect(filtered(text) == text) }

    @Test(arguments: [
        ("\u{1B}]0;title\u{7}after", "^[]0;title^Gafter"),  // the window's title
        ("\u{1B}]52;c;cm0gLXJm\u{1B}\\", "^[]52;c;cm0gLXJm^[\\"),  // the clipboard
        ("\u{1B}]8;;http://evil\u{1B}\\click\u{1B}]8;;\u{1B}\\", "^[]8;;http://evil^[\\click^[]8;;^[\\"),  // a hyperlink
        ("\u{1B}P+q544e\u{1B}\\", "^[P+q544e^[\\"),  // DCS
        ("\u{1B}_payload\u{1B}\\", "^[_payload^[\\"),  // APC
        ("\u{1B}[c\u{1B}[6n\u{1B}[>0q\u{1B}[21t", "^[[c^[[6n^[[>0q^[[21t"),  // questions that the terminal answers
        ("\u{1B}[2J\u{1B}[H\u{1B}[1A", "^[[2J^[[H^[[1A"),  // moves of the cursor
        ("\u{1B}[?1049h\u{1B}[?2004h", "^[[?1049h^[[?2004h"),  // modes
        ("\u{1B}[>4;2m", "^[[>4;2m"),  // what keys send, which ends like a colour
        ("\u{1B}c\u{1B}(0\u{E}", "^[c^[(0^N"),  // reset and character sets
        ("\u{5}\u{0}\u{7F}", "^E^@^?"), ("\u{1B}", "^["), ("\u{1B}[31", "^[[31"), ("\u{1B}\u{1B}[31mx", "^[\u{1B}[31mx\u{1B}[0m"),
        ("\u{9B}31m\u{9D}0;t\u{9C}", "\u{FFFD}31m\u{FFFD}0;t\u{FFFD}"),  // eight-bit controls, as UTF-8
        ("\u{1B}[31\u{1B}]0;t\u{7}", "^[[31^[]0;t^G"),
    ])
    func `makes visible what steers`(text: String, shown: String) { #expect(filtered(text) == shown) }

    @Test func `bytes that are not UTF-8 become a replacement`() {
        let replacement = Array("\u{FFFD}".utf8)
        #expect(filtered([0x9B, 0x33, 0x31, 0x6D]) == replacement + Array("31m".utf8))
        #expect(filtered([0xC3]) == replacement)
        #expect(filtered([0xC3, 0x1B, 0x5D]) == replacement + Array("^[]".utf8))
        #expect(filtered([0xE0, 0x80, 0x9B]) == replacement + replacement + replacement)
        #expect(filtered([0xC0, 0x9B]) == replacement + replacement)
        #expect(filtered([0xED, 0xA0, 0x80]).starts(with: replacement))
    }

    @Test func `colours are taken back at the end`() {
        #expect(filtered("\u{1B}[8mhidden") == "\u{1B}[8mhidden\u{1B}[0m")
        #expect(filtered("\u{1B}[31mred\u{1B}[m") == "\u{1B}[31mred\u{1B}[m")
    }

    @Test func `a long sequence is none`() {
        let shown = filtered("\u{1B}[" + String(repeating: "1;", count: 200) + "m")
        #expect(!shown.contains("\u{1B}"))
        #expect(shown.hasPrefix("^[[1;1;"))
    }

    /// Whatever comes, and wherever it is cut: only colours and the erasing of a line get through, and cuts change nothing.
    @Test(arguments: 0..<60) func `random bytes`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let alphabet: [[UInt8]] = [
            [0x1B], [0x1B, 0x5B], [0x9B], [0xC2, 0x9B], [0x5D], Array("0;".utf8), [0x6D], [0x4B], [0x07], [0x9C], Array("é世🌪".utf8), [0xE4],
            Array("text".utf8), [0x0A], [0x3F], [0x48],
        ]
        var bytes: [UInt8] = []
        for _ in 0..<300 {
            bytes += Bool.random(using: &random) ? alphabet.randomElement(using: &random)! : [UInt8.random(in: 0...255, using: &random)]
        }
        let whole = filtered(bytes)
        var filter = TerminalFilter()
        var pieces: [UInt8] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...7, using: &random))
            pieces += filter.filter(piece)
            rest = rest.dropFirst(piece.count)
        }
        pieces += filter.end()
        #expect(pieces == whole)
        let text = String(validating: whole, as: UTF8.self)
        #expect(text != nil)
        let bare = (text ?? "").replacing(/\u{1B}\[[0-9:;]*[mK]/.matchingSemantics(.unicodeScalar), with: "")
        let unsafe = bare.unicodeScalars.filter { scalar in
            switch scalar.value {
            case 0x08, 0x09, 0x0A, 0x0D: false
            case 0x00...0x1F, 0x7F...0x9F: true
            default: false
            }
        }
        #expect(unsafe.isEmpty)
    }
}
