/// What a client may call a file that it saves (RFC 6266).
package enum ContentDisposition {
    /// An attachment called `name`, whatever is in the name: a line break or a quote in it can't begin anything of its own.
    package static func attachment(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy { (0x20...0x7E).contains($0) && !#""\%/"#.utf8.contains($0) }
        if isPlain { return "attachment; filename=\"\(name)\"" }
        let fallback = String(decoding: name.unicodeScalars.map { isPlainScalar($0) ? UInt8(ascii: $0) : UInt8(ascii: "_") }, as: UTF8.self)
        return "attachment; filename=\"\(fallback)\"; filename*=UTF-8''\(encoded(name))"
    }

    private static func isPlainScalar(_ scalar: Unicode.Scalar) -> Bool {
        (0x20...0x7E).contains(scalar.value) && !#""\%/"#.unicodeScalars.contains(scalar)
    }

    /// Percent-encoded but for the characters that RFC 8187 leaves as they are.
    private static func encoded(_ name: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
