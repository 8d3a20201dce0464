import SandstormCore

/// Durations that were measured, for medians and percentiles.
package struct Figures {
    private var sorted: [Duration]

    package init(_ values: [Duration]) { sorted = values.sorted() }

    package var count: Int { sorted.count }
    package var median: Duration { percentile(50) }

    /// The smallest value that `percent` of all values do not exceed; zero if nothing was measured.
    package func percentile(_ percent: Double) -> Duration {
        guard !sorted.isEmpty else { return .zero }
        let rank = Int((Double(sorted.count) * percent / 100).rounded(.up))
        return sorted[min(max(rank, 1), sorted.count) - 1]
    }
}

extension Duration {
    package var milliseconds: Double { inSeconds * 1000 }

    /// In milliseconds with as many decimals as say something.
    package var text: String { milliseconds < 10 ? "\(milliseconds.rounded(to: 3)) ms" : "\(milliseconds.rounded(to: 1)) ms" }
}

extension Double {
    package func rounded(to decimals: Int) -> Double {
        var factor = 1.0
        for _ in 0..<decimals { factor *= 10 }
        return (self * factor).rounded() / factor
    }
}

/// Something that a benchmark found, against what it should be.
package struct Finding: Sendable {
    package var name: String
    package var value: String
    /// What is promised, and whether it was kept; `nil` for a figure that only informs.
    package var bar: (text: String, isMet: Bool)?

    package init(_ name: String, _ value: String, bar: (text: String, isMet: Bool)? = nil) {
        self.name = name
        self.value = value
        self.bar = bar
    }

    /// A ratio of two durations and the most that it may be.
    package static func ratio(_ name: String, _ value: Duration, to baseline: Duration, atMost limit: Double) -> Finding {
        let ratio = value.inSeconds / max(baseline.inSeconds, .leastNormalMagnitude)
        return Finding(name, "\(ratio.rounded(to: 2)) × (\(value.text) against \(baseline.text))", bar: ("≤ \(limit) ×", ratio <= limit))
    }

    package var line: String {
        let verdict = bar.map { "   [\($0.text): \($0.isMet ? "met" : "MISSED")]" } ?? ""
        return "  \(name): \(value)\(verdict)"
    }
}
