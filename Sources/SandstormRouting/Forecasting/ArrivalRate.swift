import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How many arrivals are expected within a span of time, and how far that may be off.
///
/// As a distribution it is Poisson's where the variance is no more than that, else a negative binomial with the same mean and variance:
/// arrivals in bursts, at a rate that is itself uncertain.
package struct ArrivalRate: Hashable, Sendable {
    /// The mean number of arrivals.
    package let expected: Double
    /// Of the number of arrivals; at least ``expected``.
    package let variance: Double
    package let horizon: Duration

    package init(expected: Double, variance: Double, horizon: Duration) {
        self.expected = max(0, expected)
        self.variance = max(self.expected, variance)
        self.horizon = horizon
    }

    package var perHour: Double { horizon > .zero ? expected * 3600 / horizon.inSeconds : 0 }

    /// The chances of at least one, at least two, … at least `limit` arrivals.
    package func chances(upTo limit: Int) -> [Double] {
        guard limit > 0 else { return [] }
        guard expected > 0 else { return Array(repeating: 0, count: limit) }
        let excess = variance - expected
        // The shape of the distribution of the rate; with next to no excess it is known exactly.
        let shape = excess > expected * 1e-6 ? expected * expected / excess : .infinity
        let isPoisson = !shape.isFinite || shape > 1e7
        var mass = isPoisson ? exp(-expected) : exp(shape * log(shape / (shape + expected)))
        var rest = 1.0
        var chances: [Double] = []
        chances.reserveCapacity(limit)
        for count in 0..<limit {
            rest -= mass
            chances.append(min(max(rest, 0), 1))
            let next = Double(count + 1)
            mass *= isPoisson ? expected / next : (Double(count) + shape) / next * expected / (shape + expected)
        }
        return chances
    }

    /// The least number of arrivals that is exceeded with a chance of at most `1 - share`, up to `limit`.
    package func quantile(_ share: Double, upTo limit: Int = 10_000) -> Int {
        chances(upTo: limit).firstIndex { $0 <= 1 - share } ?? limit
    }
}
