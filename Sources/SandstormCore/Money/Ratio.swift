/// A positive fraction, exact and in lowest terms: what a price is multiplied by.
///
/// Regions cost a multiple of a base price, and prices by the hour are the 3600th part of themselves each second: neither can be said
/// with a binary fraction.
public struct Ratio: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// At least 1.
    public let numerator: Int64
    /// At least 1, with no divisor in common with the numerator.
    public let denominator: Int64

    /// The largest that either part may be, in lowest terms: products with rates, sizes and times then fit 128 bits.
    public static let limit: Int64 = 1_000_000_000

    /// A fraction of two whole numbers.
    ///
    /// - Returns: `nil` if it is not positive, or if a part exceeds ``limit`` in lowest terms.
    public init?(_ numerator: Int64, _ denominator: Int64 = 1) {
        guard numerator > 0, denominator > 0 else { return nil }
        let divisor = Ratio.commonDivisor(numerator, denominator)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
        guard self.numerator <= Ratio.limit, self.denominator <= Ratio.limit else { return nil }
    }

    private init(exactly numerator: Int64, _ denominator: Int64) {
        self.numerator = numerator
        self.denominator = denominator
    }

    /// Changes nothing.
    public static let one = Ratio(exactly: 1, 1)
    /// What makes a price by the hour one by the second.
    public static let perHour = Ratio(exactly: 1, 3600)

    /// Parses `7/4`, `1.75` or `2`; `nil` for everything else.
    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let upper = Ratio.decimal(first) else { return nil }
        guard parts.count > 1 else {
            self.init(upper.value, upper.scale)
            return
        }
        guard let lower = Ratio.decimal(parts[1]), lower.scale == 1, upper.scale == 1 else { return nil }
        self.init(upper.value, lower.value)
    }

    private static func decimal(_ text: some StringProtocol) -> (value: Int64, scale: Int64)? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? String(parts[1]) : ""
        guard let whole = parts.first.map({ String($0) }), (1...10).contains(whole.utf8.count),
            parts.count == 1 || (1...9).contains(fraction.utf8.count), let value = Int64(whole + fraction),
            (whole + fraction).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        return (value, fraction.utf8.reduce(1) { scale, _ in scale * 10 })
    }

    /// The product.
    ///
    /// - Returns: `nil` if a part of it exceeds ``limit`` in lowest terms.
    public func times(_ other: Ratio) -> Ratio? {
        // Both factors are at most 10⁹ each, so that the products fit.
        Ratio(numerator * other.numerator, denominator * other.denominator)
    }

    /// `7/4`; `2` for a whole number.
    public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }

    /// Orders by size.
    public static func < (left: Ratio, right: Ratio) -> Bool { left.numerator * right.denominator < right.numerator * left.denominator }

    private static func commonDivisor(_ left: Int64, _ right: Int64) -> Int64 {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return left
    }
}
