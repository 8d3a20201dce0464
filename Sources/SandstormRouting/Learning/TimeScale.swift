/// The logarithmic scale on which startup times are counted: 8 ms … 3 minutes in steps of a fifth.
enum TimeScale {
    static let bins = 56
    static let step = 1.2
    private static let lowest = 8.0
    private static let logStep = 0.182_321_556_793_955  // ln 1.2

    /// The upper edge of each bin, in milliseconds.
    static let edges: [Float] = (0..<bins).map { Float(lowest * power(step, $0)) }
    /// What an observation in a bin is taken for, in milliseconds.
    static let middles: [Float] = edges.map { $0 / 1.095_445 }

    /// The bin of a time in milliseconds.
    static func bin(_ milliseconds: Double) -> Int {
        guard milliseconds > lowest else { return 0 }
        return min(bins - 1, max(0, Int((Logarithm.natural(milliseconds / lowest) / logStep).rounded(.up))))
    }

    /// From the edge of bin `k`, after taking away the edge of bin `k - distance`: how many bins below `k` that is.
    static let drop: [Int] = (0..<bins).map { distance in
        guard distance > 0 else { return bins }
        let rest = 1 - 1 / power(step, distance)
        return Int((-Logarithm.natural(rest) / logStep).rounded())
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        var result = 1.0
        for _ in 0..<exponent { result *= base }
        return result
    }
}
