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
