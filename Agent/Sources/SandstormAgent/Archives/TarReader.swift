/// Takes a tar archive apart as its bytes come: ustar, pax, and GNU's long names.
///
/// It faces whatever somebody uploads: every number is checked, and it keeps no more than one header or one list of pax records.
struct TarReader {
    enum Event {
        case member(TarMember)
        /// A piece of the last member's content.
        case content(ArraySlice<UInt8>)
        /// After the last piece of a file.
        case endOfFile
    }

    private enum State {
        /// Waits for a header, or for the rest of one.
        case header
        /// In a file's content.
        case content(remaining: UInt64)
        /// In a header's supplement of this type.
        case supplement(type: UInt8, remaining: UInt64)
        case padding(remaining: Int)
        /// After the end: the rest is filling.
        case trailer
    }

    private static let longestSupplement: UInt64 = 1024 * 1024

    private var state = State.header
    /// A header's first bytes, or a supplement's.
    private var buffer: [UInt8] = []
    /// What supplements say about the next member.
    private var next = Overrides()
    /// What a global pax header says about all of them.
    private var global = Overrides()

    private struct Overrides {
        var path: [UInt8]?
        var target: [UInt8]?
        var size: UInt64?
        var modified: (seconds: Int64, nanoseconds: UInt32)?
    }

    mutating func consume(_ bytes: [UInt8], _ handle: (Event) throws(AgentFailure) -> Void) throws(AgentFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .header:
                let part = rest.prefix(TarFormat.blockSize - buffer.count)
                buffer += part
                rest = rest.dropFirst(part.count)
                guard buffer.count == TarFormat.blockSize else { return }
                let header = buffer
                buffer = []
                try readHeader(header, handle)
            case .content(let remaining):
                let part = rest.prefix(Int(clamping: remaining))
                rest = rest.dropFirst(part.count)
                try handle(.content(part))
                state = .content(remaining: remaining - UInt64(part.count))
                if remaining == UInt64(part.count) { try endContent(handle) }
            case .supplement(let type, let remaining):
                let part = rest.prefix(Int(clamping: remaining))
                rest = rest.dropFirst(part.count)
                buffer += part
                state = .supplement(type: type, remaining: remaining - UInt64(part.count))
                if remaining == UInt64(part.count) { try endSupplement(type) }
            case .padding(let remaining):
                let count = min(remaining, rest.count)
                rest = rest.dropFirst(count)
                state = remaining == count ? .header : .padding(remaining: remaining - count)
            case .trailer:
                return
            }
        }
    }

    /// Notes the end of the bytes.
    ///
    /// - Throws: when it is not the end of an archive.
    func finish() throws(AgentFailure) {
        guard case .trailer = state else { throw .badArchive("it ends before its end mark: it is cut, or no tar archive") }
    }

    // MARK: Headers

    private mutating func readHeader(_ header: [UInt8], _ handle: (Event) throws(AgentFailure) -> Void) throws(AgentFailure) {
        if header.allSatisfy({ $0 == 0 }) {
            state = .trailer
            return
        }
        guard let sum = Self.number(header[TarFormat.checksum]), sum == UInt64(TarFormat.sum(of: header[...])) else {
            throw .badArchive("a header's checksum is wrong: it is damaged, or no tar archive")
        }
        guard let size = Self.number(header[124..<136]), size <= UInt64(Int64.max) else { throw .badArchive("a header has no size") }
        let type = header[156]
        switch type {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard size <= Self.longestSupplement else { throw .badArchive("a header has a supplement of \(size) bytes") }
            pad = TarFormat.padding(after: size)
            state = .supplement(type: type, remaining: size)
            if size == 0 { try endSupplement(type) }
        default:
            try readMember(header, type, size, handle)
        }
    }

    /// What follows the content or supplement that is being read.
    private var pad = 0

    private mutating func readMember(
        _ header: [UInt8], _ type: UInt8, _ size: UInt64, _ handle: (Event) throws(AgentFailure) -> Void
    ) throws(AgentFailure) {
        let overrides = next
        next = Overrides()
        var path = overrides.path ?? global.path ?? Self.name(in: header)
        let isNamedAsDirectory = path.last == UInt8(ascii: "/")
        while path.count > 1, path.last == UInt8(ascii: "/") { path.removeLast() }
        guard !path.isEmpty, path.isCString else { throw .badArchive("a member has no name") }
        let kind: TarMember.Kind
        switch type {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"): kind = isNamedAsDirectory ? .directory : .file
        case UInt8(ascii: "1"): kind = .hardLink
        case UInt8(ascii: "2"): kind = .symbolicLink
        case UInt8(ascii: "5"): kind = .directory
        case UInt8(ascii: "3"), UInt8(ascii: "4"): throw .badArchive("member \(path.forPeople) is a device")
        case UInt8(ascii: "6"): throw .badArchive("member \(path.forPeople) is a FIFO")
        default: throw .badArchive("member \(path.forPeople) is of the unsupported type \(type)")
        }
        var member = TarMember(
            kind: kind, path: path, mode: UInt32(truncatingIfNeeded: Self.number(header[100..<108]) ?? 0o644) & 0o7777, modifiedSeconds: 0)
        if let modified = overrides.modified ?? global.modified {
            (member.modifiedSeconds, member.modifiedNanoseconds) = modified
        } else {
            member.modifiedSeconds = Int64(clamping: Self.number(header[136..<148]) ?? 0)
        }
        member.target = overrides.target ?? global.target ?? Self.text(header[157..<257])
        // Of the other kinds, the size says something else, if anything.
        member.size = kind == .file ? overrides.size ?? size : 0
        if kind == .hardLink || kind == .symbolicLink {
            guard !member.target.isEmpty, member.target.isCString else { throw .badArchive("member \(path.forPeople) links to nothing") }
        }
        try handle(.member(member))
        guard kind == .file else { return }
        pad = TarFormat.padding(after: member.size)
        state = .content(remaining: member.size)
        if member.size == 0 { try endContent(handle) }
    }

    private mutating func endContent(_ handle: (Event) throws(AgentFailure) -> Void) throws(AgentFailure) {
        state = pad > 0 ? .padding(remaining: pad) : .header
        try handle(.endOfFile)
    }

    private mutating func endSupplement(_ type: UInt8) throws(AgentFailure) {
        let text = buffer
        buffer = []
        state = pad > 0 ? .padding(remaining: pad) : .header
        switch type {
        case UInt8(ascii: "L"): next.path = Self.text(text[...])
        case UInt8(ascii: "K"): next.target = Self.text(text[...])
        case UInt8(ascii: "g"): try Self.read(text, into: &global)
        default: try Self.read(text, into: &next)
        }
    }

    /// Reads pax records: `LENGTH KEY=VALUE\n`.
    private static func read(_ records: [UInt8], into overrides: inout Overrides) throws(AgentFailure) {
        var rest = records[...]
        while !rest.isEmpty {
            guard let space = rest.firstIndex(of: UInt8(ascii: " ")), space > rest.startIndex,
                let length = Int(String(decoding: rest[..<space], as: UTF8.self)), length <= rest.count,
                // A record is the length's digits, a space, and at least `=\n`.
                length >= space - rest.startIndex + 3,
                rest[rest.startIndex + length - 1] == UInt8(ascii: "\n")
            else { throw .badArchive("a pax header is damaged") }
            let record = rest[(space + 1)..<(rest.startIndex + length - 1)]
            rest = rest.dropFirst(length)
            guard let equals = record.firstIndex(of: UInt8(ascii: "=")) else { throw .badArchive("a pax header is damaged") }
            let value = Array(record[(equals + 1)...])
            switch String(decoding: record[..<equals], as: UTF8.self) {
            case "path": overrides.path = value.isEmpty ? nil : value
            case "linkpath": overrides.target = value.isEmpty ? nil : value
            case "size":
                guard let size = UInt64(String(decoding: value, as: UTF8.self)), size <= UInt64(Int64.max) else {
                    throw .badArchive("a pax header has a size that is no number")
                }
                overrides.size = size
            case "mtime": overrides.modified = time(value)
            case let key where key.hasPrefix("GNU.sparse."): throw .badArchive("it has sparse files, which are unsupported")
            default: break
            }
        }
    }

    /// Seconds, with a fraction or without. nil for what makes no sense: nobody's archive should fail for that.
    private static func time(_ text: [UInt8]) -> (seconds: Int64, nanoseconds: UInt32)? {
        let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let seconds = Int64(String(decoding: first, as: UTF8.self)) else { return nil }
        guard parts.count == 2, seconds >= 0 else { return (seconds, 0) }
        let digits = parts[1].prefix(9)
        guard !digits.isEmpty, let fraction = UInt32(String(decoding: digits, as: UTF8.self)) else { return (seconds, 0) }
        return (seconds, (digits.count..<9).reduce(fraction) { value, _ in value * 10 })
    }

    // MARK: Fields

    /// Octal digits between spaces and NULs, or, with the first bit set, a big-endian number. An empty field is 0.
    private static func number(_ field: ArraySlice<UInt8>) -> UInt64? {
        guard let first = field.first else { return nil }
        if first & 0x80 != 0 {
            guard first == 0x80 else { return nil }
            var value: UInt64 = 0
            for byte in field.dropFirst() {
                guard value >> 56 == 0 else { return nil }
                value = value << 8 | UInt64(byte)
            }
            return value
        }
        let text = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
        guard !text.isEmpty else { return 0 }
        return UInt64(String(decoding: text, as: UTF8.self), radix: 8)
    }

    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    private static func name(in header: [UInt8]) -> [UInt8] {
        let name = text(header[0..<100])
        // GNU's own format has other fields where ustar has the first part of a name.
        guard Array(header[257..<263]) == Array("ustar\0".utf8) else { return name }
        let prefix = text(header[345..<500])
        return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
    }
}

extension AgentFailure {
    static func badArchive(_ reason: String) -> AgentFailure {
        AgentFailure(errno: 0, stage: .archive, message: "the archive can't be unpacked: \(reason)")
    }
}
