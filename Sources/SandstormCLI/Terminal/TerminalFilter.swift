/// Takes out of a program's output what could steer the terminal that shows it.
///
/// Text, line breaks, tabs, backspaces, colours (SGR) and the erasing of a line (EL) pass. Whatever else begins an escape sequence is made
/// visible instead of being carried out, `^[` for ESC as `cat -v` has it: titles, the clipboard, hyperlinks, cursor movements, modes, and
/// all questions that a terminal answers as if its user had typed. As nothing but the beginning is changed, no output is swallowed by a
/// sequence that never ends. Control characters of eight bits, and bytes that are not UTF-8, become U+FFFD.
///
/// Sequences and characters may be cut anywhere between pieces: one is passed on when it is complete.
struct TerminalFilter {
    private enum State {
        case text
        /// After ESC.
        case escape
        /// After ESC and `[`, with the parameters so far.
        case sequence([UInt8])
        /// Inside a UTF-8 character, with its bytes so far and the number of those to come.
        case character([UInt8], missing: Int)
    }

    /// Colours have no more parameters than this.
    private static let longestSequence = 64
    private static let replacement = Array("\u{FFFD}".utf8)

    private var state = State.text
    /// Colours were set and not taken back.
    private var isStyled = false

    /// What may be shown of the next bytes.
    mutating func filter(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var shown: [UInt8] = []
        for byte in bytes { take(byte, &shown) }
        return shown
    }

    /// What may be shown of what is left at the end; takes back colours.
    mutating func end() -> [UInt8] {
        var shown: [UInt8] = []
        breakOff(&shown)
        if isStyled { shown += Array("\u{1B}[0m".utf8) }
        isStyled = false
        return shown
    }

    private mutating func take(_ byte: UInt8, _ shown: inout [UInt8]) {
        switch state {
        case .text: takeText(byte, &shown)
        case .escape:
            if byte == UInt8(ascii: "[") {
                state = .sequence([])
            } else {
                breakOff(&shown)
                takeText(byte, &shown)
            }
        case .sequence(let parameters): takeSequence(byte, parameters, &shown)
        case .character(let begun, let missing): takeCharacter(byte, begun, missing, &shown)
        }
    }

    private mutating func takeText(_ byte: UInt8, _ shown: inout [UInt8]) {
        switch byte {
        case 0x1B: state = .escape
        case UInt8(ascii: "\n"), UInt8(ascii: "\r"), UInt8(ascii: "\t"), 0x08, 0x20...0x7E: shown.append(byte)
        case 0x00...0x1F: shown += [UInt8(ascii: "^"), byte + 0x40]
        case 0x7F: shown += Array("^?".utf8)
        case 0xC2...0xDF: state = .character([byte], missing: 1)
        case 0xE0...0xEF: state = .character([byte], missing: 2)
        case 0xF0...0xF4: state = .character([byte], missing: 3)
        default: shown += TerminalFilter.replacement
        }
    }

    private mutating func takeSequence(_ byte: UInt8, _ parameters: [UInt8], _ shown: inout [UInt8]) {
        switch byte {
        case 0x30...0x3B where parameters.count < TerminalFilter.longestSequence: state = .sequence(parameters + [byte])
        case UInt8(ascii: "m"):
            isStyled = !(parameters.isEmpty || parameters == [UInt8(ascii: "0")])
            pass(parameters, byte, &shown)
        case UInt8(ascii: "K") where parameters.count < 2: pass(parameters, byte, &shown)
        default:
            breakOff(&shown)
            takeText(byte, &shown)
        }
    }

    private mutating func pass(_ parameters: [UInt8], _ final: UInt8, _ shown: inout [UInt8]) {
        shown += [0x1B, UInt8(ascii: "[")] + parameters + [final]
        state = .text
    }

    private mutating func takeCharacter(_ byte: UInt8, _ begun: [UInt8], _ missing: Int, _ shown: inout [UInt8]) {
        guard TerminalFilter.continues(begun, byte) else {
            breakOff(&shown)
            takeText(byte, &shown)
            return
        }
        let character = begun + [byte]
        if missing > 1 {
            state = .character(character, missing: missing - 1)
        } else {
            // U+0080 … U+009F are control characters: U+009B means what ESC [ means.
            shown += character[0] == 0xC2 && byte < 0xA0 ? TerminalFilter.replacement : character
            state = .text
        }
    }

    /// Whether `byte` can follow: neither overlong forms, nor halves of surrogates, nor anything beyond U+10FFFF.
    private static func continues(_ begun: [UInt8], _ byte: UInt8) -> Bool {
        guard begun.count == 1 else { return (0x80...0xBF).contains(byte) }
        switch begun[0] {
        case 0xE0: return (0xA0...0xBF).contains(byte)
        case 0xED: return (0x80...0x9F).contains(byte)
        case 0xF0: return (0x90...0xBF).contains(byte)
        case 0xF4: return (0x80...0x8F).contains(byte)
        default: return (0x80...0xBF).contains(byte)
        }
    }

    /// Makes visible what was begun and can't be completed.
    private mutating func breakOff(_ shown: inout [UInt8]) {
        switch state {
        case .text: break
        case .escape: shown += Array("^[".utf8)
        case .sequence(let parameters): shown += Array("^[[".utf8) + parameters
        case .character: shown += TerminalFilter.replacement
        }
        state = .text
    }
}
