/// A price per unit and second in whole pico-dollars (10⁻¹² USD).
///
/// Finer than ``Money``, since published rates go below a nano-dollar per GiB-second of disk.
public struct Rate: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The price in 10⁻¹² USD per unit and second.
    public let picodollars: Int64

    /// Takes a price in 10⁻¹² USD per unit and second; must not be negative.
    public init(picodollars: Int64) { self.picodollars = picodollars }

    /// Free of charge.
    public static let zero = Rate(picodollars: 0)

    /// Parses a decimal amount of dollars per unit and second with at most twelve decimals: `0.0000131`.
    public init?(_ text: some StringProtocol) {
        let digits = text.first == "$" ? text.dropFirst() : text[...]
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count > 1 ? parts[1] : "0"
        guard let whole = parts.first.map({ String($0) }), (1...6).contains(whole.utf8.count), (1...12).contains(fraction.utf8.count),
            (whole + String(fraction)).utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let value = Int64(whole + String(fraction) + String(repeating: "0", count: 12 - fraction.utf8.count))
        else { return nil }
        picodollars = value
    }

    /// The rate times a fraction; `nil` if that is no whole number of pico-dollars, or too many.
    public func times(_ ratio: Ratio) -> Rate? {
        let (whole, rest) = (Int128(picodollars) * Int128(ratio.numerator)).quotientAndRemainder(dividingBy: Int128(ratio.denominator))
        guard rest == 0 else { return nil }
        return Int64(exactly: whole).map(Rate.init(picodollars:))
    }

    /// The exact rate in dollars with twelve decimals.
    public var decimal: String {
        let fraction = String(picodollars % 1_000_000_000_000)
        return "\(picodollars / 1_000_000_000_000)." + String(repeating: "0", count: 12 - fraction.count) + fraction
    }

    /// The rate for people: `$0.000013100000/s`.
    public var description: String { "$\(decimal)/s" }

    /// Orders by price.
    public static func < (left: Rate, right: Rate) -> Bool { left.picodollars < right.picodollars }
}
