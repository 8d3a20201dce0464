import NIOCore

/// A tar archive made by hand, to have ones that no honest program would write.
struct TarFile {
    private(set) var bytes = ByteBuffer()

    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case symbolicLink = 0x32
        case directory = 0x35
    }

    /// Adds a member in the old ustar form.
    mutating func add(_ name: String, _ kind: Kind = .file, content: String = "", target: String = "", mode: Int = 0o644) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ text: String, _ offset: Int) { header.replaceSubrange(offset..<offset + text.utf8.count, with: text.utf8) }
        func octal(_ number: Int, _ width: Int) -> String {
            let digits = String(number, radix: 8)
            return String(repeating: "0", count: width - digits.count) + digits
        }
        put(String(name.prefix(99)), 0)
        put(octal(mode, 7), 100)
        put(octal(0, 7), 108)
        put(octal(0, 7), 116)
        put(octal(content.utf8.count, 11), 124)
        put(octal(1_700_000_000, 11), 136)
        put("        ", 148)
        header[156] = kind.rawValue
        put(String(target.prefix(99)), 157)
        put("ustar", 257)
        put("00", 263)
        let sum = header.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6) + "\0 ", 148)
        bytes.writeBytes(header)
        bytes.writeString(content)
        bytes.writeRepeatingByte(0, count: (512 - content.utf8.count % 512) % 512)
    }

    /// The whole archive with its end.
    var finished: ByteBuffer {
        var all = bytes
        all.writeRepeatingByte(0, count: 1024)
        return all
    }
}
