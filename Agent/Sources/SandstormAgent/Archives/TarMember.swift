/// One member of a tar archive: everything but its content.
struct TarMember {
    enum Kind: UInt8 {
        case file = 0x30
        case hardLink = 0x31
        case symbolicLink = 0x32
        case directory = 0x35
    }

    var kind: Kind
    /// Relative, without a slash at its end.
    var path: [UInt8]
    var mode: UInt32
    var uid: UInt64 = 0
    var gid: UInt64 = 0
    var size: UInt64 = 0
    var modifiedSeconds: Int64
    var modifiedNanoseconds: UInt32 = 0
    /// Of links.
    var target: [UInt8] = []
    var owner: [UInt8] = []
    var group: [UInt8] = []
}

/// The numbers of the format.
enum TarFormat {
    static let blockSize = 512
    /// So many bytes after a member's content.
    static func padding(after size: UInt64) -> Int { Int((512 - size % 512) % 512) }
    static let checksum = 148..<156

    /// The sum of a header's bytes, its own field taken as spaces.
    static func sum(of header: ArraySlice<UInt8>) -> Int {
        let base = header.startIndex
        return header.indices.reduce(0) { $0 + (checksum.contains($1 - base) ? 32 : Int(header[$1])) }
    }
}

extension TarMember {
    /// Appends the header, with a pax header before it for what does not fit into ustar's fields.
    func encode(into bytes: inout [UInt8]) {
        let name = kind == .directory ? path + [UInt8(ascii: "/")] : path
        var records: [UInt8] = []
        if name.count > 100 || !name.isASCII { Self.append("path", name, to: &records) }
        if target.count > 100 || !target.isASCII { Self.append("linkpath", target, to: &records) }
        if size >= 1 << 33 { Self.append("size", Array(String(size).utf8), to: &records) }
        if modifiedSeconds < 0 || modifiedSeconds >= 1 << 33 { Self.append("mtime", Array(String(modifiedSeconds).utf8), to: &records) }
        if uid >= 1 << 21 { Self.append("uid", Array(String(uid).utf8), to: &records) }
        if gid >= 1 << 21 { Self.append("gid", Array(String(gid).utf8), to: &records) }
        if !records.isEmpty {
            let size = UInt64(records.count)
            Self.appendHeader(type: UInt8(ascii: "x"), Array("pax".utf8), mode: 0o644, size: size, modified: 0, to: &bytes)
            bytes += records
            bytes += [UInt8](repeating: 0, count: TarFormat.padding(after: size))
        }
        let modified = UInt64(clamping: min(max(0, modifiedSeconds), 1 << 33 - 1))
        let ids = (uid: uid < 1 << 21 ? uid : 0, gid: gid < 1 << 21 ? gid : 0)
        Self.appendHeader(
            type: kind.rawValue, Array(name.prefix(100)), mode: mode, ids: ids, size: size < 1 << 33 ? size : 0, modified: modified,
            target: Array(target.prefix(100)), owner: owner, group: group, to: &bytes)
    }

    private static func appendHeader(
        type: UInt8, _ name: [UInt8], mode: UInt32, ids: (uid: UInt64, gid: UInt64) = (0, 0), size: UInt64, modified: UInt64,
        target: [UInt8] = [], owner: [UInt8] = [], group: [UInt8] = [], to bytes: inout [UInt8]
    ) {
        var header = [UInt8](repeating: 0, count: TarFormat.blockSize)
        func put(_ field: [UInt8], at offset: Int) { header.replaceSubrange(offset..<offset + field.count, with: field) }
        func octal(_ value: UInt64, _ digits: Int) -> [UInt8] {
            let text = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: UInt8(ascii: "0"), count: max(0, digits - text.count)) + text.suffix(digits)
        }
        put(name, at: 0)
        put(octal(UInt64(mode & 0o7777), 7), at: 100)
        put(octal(ids.uid, 7), at: 108)
        put(octal(ids.gid, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(modified, 11), at: 136)
        header[156] = type
        put(target, at: 157)
        put(Array("ustar\0".utf8) + Array("00".utf8), at: 257)
        put(Array(owner.prefix(31)), at: 265)
        put(Array(group.prefix(31)), at: 297)
        put(octal(0, 7), at: 329)
        put(octal(0, 7), at: 337)
        put(octal(UInt64(TarFormat.sum(of: header[...])), 6) + [0, 32], at: TarFormat.checksum.lowerBound)
        bytes += header
    }

    /// A record's length counts its own digits.
    private static func append(_ key: String, _ value: [UInt8], to records: inout [UInt8]) {
        let rest = [UInt8(ascii: " ")] + Array(key.utf8) + [UInt8(ascii: "=")] + value + [UInt8(ascii: "\n")]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count != length { length = String(length).utf8.count + rest.count }
        records += Array(String(length).utf8) + rest
    }
}

extension [UInt8] {
    fileprivate var isASCII: Bool { allSatisfy { $0 < 0x80 } }
}
