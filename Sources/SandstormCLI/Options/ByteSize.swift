/// An amount of memory or disk as people write it: `512MiB`, `1.5GiB`, `2G`.
struct ByteSize: Hashable {
    /// What a number counts.
    enum Unit: Int {
        case mebibyte = 1
        case gibibyte = 1024
        case tebibyte = 1_048_576
    }

    /// In 1/1024 of a MiB, to be exact with fractions.
    private let kibibytes: Int

    /// Parses a number and a unit; `nil` for anything else, and for decimal units, which would be silently less than they say.
    init?(parsing text: String, bareUnit: Unit) {
        let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let unit: Unit
        switch text.dropFirst(digits.count).trimmingPrefix(" ").lowercased() {
        case "": unit = bareUnit
        case "mib", "mi", "m": unit = .mebibyte
        case "gib", "gi", "g": unit = .gibibyte
        case "tib", "ti", "t": unit = .tebibyte
        default: return nil
        }
        guard let number = Double(digits), number >= 0, number < 1e9 else { return nil }
        let exact = number * Double(unit.rawValue) * 1024
        guard exact < 1e15 else { return nil }
        kibibytes = Int(exact.rounded())
    }

    /// The size in whole units; `nil` if it is none.
    func whole(_ unit: Unit) -> Int? {
        let (quotient, remainder) = kibibytes.quotientAndRemainder(dividingBy: unit.rawValue * 1024)
        return remainder == 0 ? quotient : nil
    }
}
