/// The part of a file that a client asks for (RFC 9110, section 14).
package enum RangeHeader: Hashable, Sendable {
    /// From a byte on to another one, or to the end.
    case from(Int64, through: Int64?)
    /// The last bytes.
    case last(Int64)

    /// Reads the header. `nil` for none, for units other than bytes, for what is no range, and for several ranges in one: those may all
    /// be answered with the whole file.
    package init?(_ value: String?) {
        guard let value, value.lowercased().hasPrefix("bytes=") else { return nil }
        let parts = value.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        switch (parts[0].isEmpty, parts[1].isEmpty) {
        case (true, false):
            guard let count = RangeHeader.number(parts[1]) else { return nil }
            self = .last(count)
        case (false, true):
            guard let first = RangeHeader.number(parts[0]) else { return nil }
            self = .from(first, through: nil)
        case (false, false):
            guard let first = RangeHeader.number(parts[0]), let last = RangeHeader.number(parts[1]), first <= last else { return nil }
            self = .from(first, through: last)
        case (true, true): return nil
        }
    }

    /// The bytes of a file of `size` bytes; `nil` if it has none of them.
    package func bytes(of size: Int64) -> Range<Int64>? {
        let range: Range<Int64>
        switch self {
        case .from(let first, let last):
            guard first < size else { return nil }
            range = first..<min(size, last.map { $0 < .max ? $0 + 1 : $0 } ?? size)
        case .last(let count): range = max(0, size - count)..<size
        }
        return range.isEmpty ? nil : range
    }

    /// Digits only; a number too large for any file is one beyond every end.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text) ?? .max
    }
}
