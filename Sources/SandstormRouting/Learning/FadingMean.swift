import SandstormCore

/// A mean in which old values fade with each new one.
struct FadingMean: Sendable {
    private(set) var sum = 0.0
    private(set) var squares = 0.0
    private(set) var weight = 0.0

    mutating func add(_ value: Double, remainder: Double = 0.98) {
        sum = sum * remainder + value
        squares = squares * remainder + value * value
        weight = weight * remainder + 1
    }

    /// Drawn to `prior`, as if that had been observed `weight` times.
    func mean(prior: Double, weight priorWeight: Double) -> Double { (sum + prior * priorWeight) / (weight + priorWeight) }

    /// Around the mean, drawn to `prior`.
    func variance(prior: Double, weight priorWeight: Double) -> Double {
        guard weight > 0 else { return prior }
        let mean = sum / weight
        return (max(0, squares - weight * mean * mean) + prior * priorWeight) / (weight + priorWeight)
    }

    var kept: JSONValue { .array([sum, squares, weight].map { .integer(Int64(($0 * 1e6).rounded())) }) }

    init() {}

    init?(kept: JSONValue?) {
        let numbers = (kept?.arrayValue ?? []).compactMap(\.intValue).map { Double($0) / 1e6 }
        guard numbers.count == 3, numbers[2] >= 0, numbers[2] < 1e9 else { return nil }
        (sum, squares, weight) = (numbers[0], numbers[1], numbers[2])
    }
}
