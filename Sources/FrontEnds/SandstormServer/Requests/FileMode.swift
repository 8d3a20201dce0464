extension UInt16 {
    /// Reads permission bits written in octal digits: `644`, `0755`, `1777`.
    package init?(octalMode text: String) {
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "7")).contains($0) }), let mode = UInt16(text, radix: 8),
            mode <= 0o7777
        else { return nil }
        self = mode
    }
}
