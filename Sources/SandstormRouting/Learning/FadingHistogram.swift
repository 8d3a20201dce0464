/// Counts on a logarithmic scale of times, in which old evidence fades. Fixed in size, however much was observed.
///
/// Fading costs nothing: instead of shrinking what is there, what is added weighs more.
struct FadingHistogram: Sendable {
    /// Empty until something is observed, as most places never are.
    private(set) var counts: [Float] = []
    private(set) var failures: Float = 0
    private var total: Float = 0
    /// What an observation of weight 1 adds now.
    private var unit: Float = 1

    /// What all observations together still weigh, failures included.
    var weight: Float { total / unit }
    var failureWeight: Float { failures / unit }

    /// What a bin's observations still weigh is its count times this.
    var scale: Float { 1 / unit }

    mutating func fade(to remainder: Double) {
        guard remainder < 1, total > 0 else { return }
        guard remainder > 1e-6 else {
            self = FadingHistogram()
            return
        }
        unit /= Float(remainder)
        if unit > 1e12 { rescale() }
    }

    mutating func add(_ bin: Int, weight: Float) {
        if counts.isEmpty { counts = Array(repeating: 0, count: TimeScale.bins) }
        counts[bin] += weight * unit
        total += weight * unit
    }

    mutating func addFailure(weight: Float) {
        if counts.isEmpty { counts = Array(repeating: 0, count: TimeScale.bins) }
        failures += weight * unit
        total += weight * unit
    }

    private mutating func rescale() {
        for bin in counts.indices { counts[bin] /= unit }
        failures /= unit
        total /= unit
        unit = 1
    }
}

extension FadingHistogram {
    /// What a restart must not forget, in thousandths: the failures, then each bin; nothing if nothing was observed.
    var kept: [Int] {
        guard total > 0 else { return [] }
        return ([failures] + counts).map { Int(($0 / unit * 1000).rounded()) }
    }

    /// Restores what ``kept`` gave; `nil` if it is nothing of the kind.
    init?(kept: [Int]) {
        guard !kept.isEmpty else { return }
        guard kept.count == TimeScale.bins + 1, kept.allSatisfy({ (0...1_000_000_000).contains($0) }) else { return nil }
        failures = Float(kept[0]) / 1000
        counts = kept[1...].map { Float($0) / 1000 }
        total = failures + counts.reduce(0, +)
    }
}

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
