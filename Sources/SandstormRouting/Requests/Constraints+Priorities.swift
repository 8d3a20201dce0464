import SandstormCore

extension Constraints {
    /// How much cost and latency count against each other, whether the request said it in words or in numbers; not both zero.
    var priorities: (cost: Int64, latency: Int64) {
        if let weights { return (Int64(weights.cost), Int64(weights.latency)) }
        return switch objective {
        case .cheapest: (1, 0)
        case .fastest: (0, 1)
        case .balanced: (1, 1)
        }
    }
}
