import Foundation

/// How a length of time is distributed.
package indirect enum Spread: Sendable {
    case constant(Microseconds)
    case uniform(from: Microseconds, to: Microseconds)
    case lognormal(median: Microseconds, sigma: Double)
    /// A heavy tail: never less than `least`; the smaller `alpha`, the heavier.
    case pareto(least: Microseconds, alpha: Double)
    case mixture([(weight: Double, spread: Spread)])

    /// No draw is longer than a day: a Pareto draw may be anything, and a sum of them must still be a number.
    private static let longest: Microseconds = .hours(24)

    package func sample(_ chance: Chance) -> Microseconds {
        switch self {
        case .constant(let time): return time
        case .uniform(let from, let to): return from + .seconds(Double(to - from) / 1e6 * chance.uniform)
        case .lognormal(let median, let sigma): return Spread.bounded(Double(median) * exp(sigma * chance.normal))
        case .pareto(let least, let alpha): return Spread.bounded(Double(least) * pow(1 - chance.uniform, -1 / alpha))
        case .mixture(let parts):
            var left = chance.of(1).uniform * parts.reduce(0) { $0 + $1.weight }
            for part in parts {
                left -= part.weight
                if left < 0 { return part.spread.sample(chance.of(2)) }
            }
            return parts.last?.spread.sample(chance.of(2)) ?? 0
        }
    }

    private static func bounded(_ value: Double) -> Microseconds { Microseconds(min(value, Double(longest)).rounded()) }
}
