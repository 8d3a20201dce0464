/// An amount of US dollars in whole nano-dollars (10⁻⁹ USD); exact, never a binary fraction.
///
/// The range is ±9.2 thousand million dollars. Adding past it is a programming error and traps; amounts that come from
/// outside are parsed with ``init(_:)``, which refuses what does not fit.
public struct Money: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The amount in 10⁻⁹ USD.
    public let nanodollars: Int64

    /// Takes an amount in 10⁻⁹ USD; it may be negative.
    public init(nanodollars: Int64) { self.nanodollars = nanodollars }

    /// No money.
    public static let zero = Money(nanodollars: 0)

    /// Parses a decimal amount: `0.10`, `$0.10`, `-3`, `$1.000000001`.
    ///
    /// `nil` for anything else: an exponent, more than nine decimals, thousands separators, another currency, or too large.
    public init?(_ text: some StringProtocol) {
        var digits = text[...]
        let negative = digits.first == "-"
        if negative { digits = digits.dropFirst() }
        if digits.first == "$" { digits = digits.dropFirst() }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let whole = parts.first, !whole.isEmpty, whole.utf8.allSatisfy(Money.isDigit) else { return nil }
        let fraction = parts.count > 1 ? parts[1] : "0"
        guard (1...9).contains(fraction.utf8.count), fraction.utf8.allSatisfy(Money.isDigit) else { return nil }
        let padded = String(fraction) + String(repeating: "0", count: 9 - fraction.utf8.count)
        guard let dollars = Int64(whole), let nanos = Int64(padded) else { return nil }
        let (scaled, overflow) = dollars.multipliedReportingOverflow(by: 1_000_000_000)
        let (total, carry) = scaled.addingReportingOverflow(nanos)
        guard !overflow, !carry else { return nil }
        nanodollars = negative ? -total : total
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The exact amount with nine decimals and no sign of the currency, as the JSON of the API has it: `0.000012300`.
    public var decimal: String {
        let magnitude = nanodollars.magnitude
        let fraction = String(magnitude % 1_000_000_000)
        let padding = String(repeating: "0", count: 9 - fraction.count)
        return "\(nanodollars < 0 ? "-" : "")\(magnitude / 1_000_000_000).\(padding)\(fraction)"
    }

    /// The amount for people: `$0.0000123`, with at least two decimals and no zeros after them.
    public var description: String {
        var text = decimal
        while text.hasSuffix("0"), !text.dropLast(2).hasSuffix(".") { text.removeLast() }
        return text.hasPrefix("-") ? "-$" + text.dropFirst() : "$" + text
    }

    /// Orders by amount.
    public static func < (left: Money, right: Money) -> Bool { left.nanodollars < right.nanodollars }
    /// The exact sum; traps past the range.
    public static func + (left: Money, right: Money) -> Money { Money(nanodollars: left.nanodollars + right.nanodollars) }
    /// The exact difference, which may be negative; traps past the range.
    public static func - (left: Money, right: Money) -> Money { Money(nanodollars: left.nanodollars - right.nanodollars) }
    /// Adds exactly; traps past the range.
    public static func += (left: inout Money, right: Money) { left = left + right }
}

extension Money: ExpressibleByStringLiteral {
    /// An amount written in the source: `"$0.10"`. Traps on a literal that is no amount.
    public init(stringLiteral value: String) {
        guard let money = Money(value) else { preconditionFailure("\"\(value)\" is not an amount such as \"$0.10\"") }
        self = money
    }
}
