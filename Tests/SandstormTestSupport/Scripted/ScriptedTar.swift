/// Tar archives in the old `ustar` form, as far as tests need them: names of up to 100 bytes.
struct ScriptedTar {
    struct Member {
        var name: String
        var type: Character
        var content: [UInt8]
        var mode: UInt16
        var link: String
    }

    private var bytes: [UInt8] = []

    mutating func add(_ name: String, _ type: Character, _ content: [UInt8], mode: UInt16, link: String = "") {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, at offset: Int, _ length: Int) {
            for (index, byte) in text.utf8.prefix(length).enumerated() { header[offset + index] = byte }
        }
        func octal(_ number: Int, _ length: Int) -> String {
            let digits = String(number, radix: 8)
            return String(repeating: "0", count: max(0, length - 1 - digits.count)) + digits
        }
        put(name, at: 0, 100)
        put(octal(Int(mode), 8), at: 100, 8)
        put(octal(1000, 8), at: 108, 8)
        put(octal(1000, 8), at: 116, 8)
        put(octal(content.count, 12), at: 124, 12)
        put(octal(0, 12), at: 136, 12)
        put("        ", at: 148, 8)
        put(String(type), at: 156, 1)
        put(link, at: 157, 100)
        put("ustar", at: 257, 5)
        put("00", at: 263, 2)
        put(octal(header.reduce(0) { $0 + Int($1) }, 7) + "\0 ", at: 148, 8)
        bytes += header + content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    func finish() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    /// The members of an archive; `nil` if it is none.
    static func members(of archive: [UInt8]) -> [Member]? {
        var members: [Member] = []
        var rest = archive[...]
        while true {
            guard rest.count >= 512 else { return nil }
            let header = Array(rest.prefix(512))
            if header.allSatisfy({ $0 == 0 }) { return members }
            func text(_ range: Range<Int>) -> String { String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self) }
            func number(_ range: Range<Int>) -> Int? { Int(text(range).filter(\.isNumber), radix: 8) }
            guard text(257..<262) == "ustar", let size = number(124..<136), let mode = number(100..<108),
                rest.count >= 512 + size
            else { return nil }
            let type = Character(UnicodeScalar(header[156] == 0 ? UInt8(ascii: "0") : header[156]))
            let content = Array(rest.dropFirst(512).prefix(size))
            members.append(
                Member(name: text(0..<100), type: type, content: content, mode: UInt16(mode & 0o7777), link: text(157..<257)))
            rest = rest.dropFirst(512 + (size + 511) / 512 * 512)
        }
    }
}
