/// Turns the bytes of a POSIX tar archive (pax, ustar, or with GNU's long names), arriving in arbitrary pieces, into its members.
///
/// It believes nothing: sizes are bounded, checksums checked, and what can't be is an error. What a member's name means is up to whoever
/// unpacks it.
struct TarReader {
    /// What comes out.
    enum Element: Equatable {
        case entry(TarEntry)
        /// Bytes of the entry before.
        case bytes([UInt8])
        /// The entry before is complete.
        case end
    }

    private enum State {
        case header
        case content(remaining: Int64, padding: Int)
        /// Names for the next member, in a member of their own.
        case metadata(kind: UInt8, remaining: Int64, padding: Int)
        case padding(Int, endsEntry: Bool)
        case over
    }

    private var state = State.header
    private var block: [UInt8] = []
    private var metadata: [UInt8] = []
    /// What was said about the next member beforehand.
    private var next = Overrides()

    private struct Overrides {
        var name: [UInt8]?
        var link: [UInt8]?
        var size: Int64?
        var modified: Int64?
    }

    /// Takes the next bytes; returns what they complete.
    mutating func read(_ bytes: [UInt8]) throws(TarError) -> [Element] {
        var elements: [Element] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            switch state {
            case .over: return elements
            case .header:
                let part = rest.prefix(TarBlock.size - block.count)
                block += part
                rest = rest.dropFirst(part.count)
                guard block.count == TarBlock.size else { return elements }
                let header = block
                block = []
                try readHeader(header, &elements)
            case .content(let remaining, let padding):
                let part = rest.prefix(Int(min(remaining, Int64(rest.count))))
                elements.append(.bytes(Array(part)))
                rest = rest.dropFirst(part.count)
                let left = remaining - Int64(part.count)
                if left > 0 { state = .content(remaining: left, padding: padding) } else { skip(padding, endsEntry: true, &elements) }
            case .metadata(let kind, let remaining, let padding):
                let part = rest.prefix(Int(min(remaining, Int64(rest.count))))
                metadata += part
                rest = rest.dropFirst(part.count)
                let left = remaining - Int64(part.count)
                if left > 0 {
                    state = .metadata(kind: kind, remaining: left, padding: padding)
                } else {
                    try readMetadata(kind)
                    skip(padding, endsEntry: false, &elements)
                }
            case .padding(let count, let endsEntry):
                let part = rest.prefix(count)
                rest = rest.dropFirst(part.count)
                skip(count - part.count, endsEntry: endsEntry, &elements)
            }
        }
        return elements
    }

    /// - Throws: ``TarError`` if the archive's end has not come.
    func finish() throws(TarError) {
        guard case .over = state else { throw TarError("the archive ends in the middle") }
    }

    private mutating func skip(_ count: Int, endsEntry: Bool, _ elements: inout [Element]) {
        if count > 0 {
            state = .padding(count, endsEntry: endsEntry)
        } else {
            if endsEntry { elements.append(.end) }
            state = .header
        }
    }

    private mutating func readHeader(_ header: [UInt8], _ elements: inout [Element]) throws(TarError) {
        if header.allSatisfy({ $0 == 0 }) {
            state = .over
            return
        }
        let sum = header.enumerated().reduce(0) { $0 + ((148..<156).contains($1.offset) ? 32 : Int($1.element)) }
        guard try TarReader.number(header[148..<156]) == Int64(sum) else {
            throw TarError("a header's checksum is wrong: this is no tar archive")
        }
        let kind = header[156]
        let declared = try TarReader.number(header[124..<136])
        switch kind {
        case UInt8(ascii: "x"), UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"):
            guard (0...Int64(TarBlock.longestExtension)).contains(declared) else { throw TarError("a member's name is too long") }
            metadata = []
            let padding = TarBlock.padding(for: declared)
            if declared > 0 {
                state = .metadata(kind: kind, remaining: declared, padding: padding)
            } else {
                state = .header
            }
        default:
            let entry = try entry(kind, header, size: next.size ?? declared)
            next = Overrides()
            elements.append(.entry(entry))
            if entry.size > 0 {
                state = .content(remaining: entry.size, padding: TarBlock.padding(for: entry.size))
            } else {
                skip(0, endsEntry: true, &elements)
            }
        }
    }

    private func entry(_ kind: UInt8, _ header: [UInt8], size: Int64) throws(TarError) -> TarEntry {
        var name = TarReader.text(header[0..<100])
        let isUstar = header[257..<262].elementsEqual("ustar".utf8)
        // GNU's own format has other things where POSIX has the prefix.
        if isUstar, header[262] == 0 {
            let prefix = TarReader.text(header[345..<500])
            if !prefix.isEmpty { name = prefix + [UInt8(ascii: "/")] + name }
        }
        name = next.name ?? name
        let link = next.link ?? TarReader.text(header[157..<257])
        guard size >= 0 else { throw TarError("a member's size is negative") }
        let mode = UInt16(truncatingIfNeeded: try TarReader.number(header[100..<108]) & 0o7777)
        let written = try TarReader.number(header[136..<148])
        var entry = TarEntry(name: name, kind: .file, size: size, mode: mode, modified: next.modified ?? written)
        switch kind {
        case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
            // Archives from before POSIX know a directory by its name.
            if kind == 0, name.last == UInt8(ascii: "/") { entry.kind = .directory }
        case UInt8(ascii: "1"): entry.kind = .hardLink(link)
        case UInt8(ascii: "2"): entry.kind = .symbolicLink(link)
        case UInt8(ascii: "5"): entry.kind = .directory
        default: entry.kind = .other(kind)
        }
        // Links and directories have no bytes, whatever their size says; pax allows content for hard links, which nobody writes.
        if case .file = entry.kind {} else if case .other = entry.kind {} else { entry.size = 0 }
        return entry
    }

    private mutating func readMetadata(_ kind: UInt8) throws(TarError) {
        defer { metadata = [] }
        switch kind {
        case UInt8(ascii: "L"): next.name = TarReader.text(metadata[...])
        case UInt8(ascii: "K"): next.link = TarReader.text(metadata[...])
        case UInt8(ascii: "x"): try readRecords()
        // What is said for all members concerns nothing that is used here.
        default: break
        }
    }

    /// The records of a pax header: `LENGTH KEY=VALUE\n`, where the length counts the whole record.
    private mutating func readRecords() throws(TarError) {
        var rest = metadata[...]
        while !rest.isEmpty {
            let digits = rest.prefix { $0 != UInt8(ascii: " ") }
            guard digits.count <= 8, let length = Int(String(decoding: digits, as: UTF8.self)), length > digits.count + 1,
                length <= rest.count
            else { throw TarError("a member's extended header is malformed") }
            let record = rest.prefix(length).dropFirst(digits.count + 1)
            rest = rest.dropFirst(length)
            guard record.last == UInt8(ascii: "\n"), let equals = record.firstIndex(of: UInt8(ascii: "=")) else {
                throw TarError("a member's extended header is malformed")
            }
            let value = Array(record[record.index(after: equals)...].dropLast())
            switch String(decoding: record[..<equals], as: UTF8.self) {
            case "path": next.name = value
            case "linkpath": next.link = value
            case "size":
                guard let size = Int64(String(decoding: value, as: UTF8.self)), size >= 0 else {
                    throw TarError("a member's size is malformed")
                }
                next.size = size
            case "mtime":
                // A fraction of a second makes no difference to a copy.
                next.modified = Int64(String(decoding: value.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self))
            default: break
            }
        }
    }

    /// Up to the first NUL.
    private static func text(_ field: ArraySlice<UInt8>) -> [UInt8] { Array(field.prefix { $0 != 0 }) }

    /// Octal digits, or GNU's big numbers in base 256.
    private static func number(_ field: ArraySlice<UInt8>) throws(TarError) -> Int64 {
        guard let first = field.first else { return 0 }
        if first & 0x80 != 0 {
            guard first == 0x80, field.dropFirst().dropLast(8).allSatisfy({ $0 == 0 }) else { throw TarError("a number is out of range") }
            let value = field.suffix(min(8, field.count - 1)).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard let number = Int64(exactly: value) else { throw TarError("a number is out of range") }
            return number
        }
        let digits = field.drop { $0 == UInt8(ascii: " ") }.prefix { $0 != 0 && $0 != UInt8(ascii: " ") }
        if digits.isEmpty { return 0 }
        guard let number = Int64(String(decoding: digits, as: UTF8.self), radix: 8), number >= 0 else {
            throw TarError("a number is malformed: this is no tar archive")
        }
        return number
    }
}
