package import SandstormCore

/// What a policy made of a world.
package struct Tally: Sendable {
    package var requests = 0
    /// Code ran to its end; where nothing dies, the same as started.
    package var successes = 0
    /// Requests that a clairvoyant would have served too; set by whoever knows.
    package var servable: Int?
    package var creates = 0
    /// Second creates because the first was late.
    package var hedges = 0
    /// Creates after a failure.
    package var failovers = 0
    /// Starts later than promised, and requests that never started.
    package var lateStarts = 0
    package var cost = Money.zero
    /// The part of the cost that went to sandboxes whose run had started elsewhere.
    package var costOfLosers = Money.zero
    /// The part of the cost that went to sandboxes that died under their run.
    package var costOfDeaths = Money.zero
    /// From the arrival to the start of the code, of what started; sorted once the simulation has ended.
    package private(set) var starts: [Microseconds] = []
    private var isSorted = false

    package init() {}

    package mutating func addStart(after time: Microseconds) { starts.append(time) }

    package mutating func close() {
        starts.sort()
        isSorted = true
    }

    /// The smallest start that a share of all starts do not exceed; zero if nothing started.
    package func start(atQuantile quantile: Double) -> Microseconds {
        precondition(isSorted, "a tally is read after it was closed")
        guard !starts.isEmpty else { return 0 }
        let rank = Int((Double(starts.count) * quantile).rounded(.up))
        return starts[min(max(rank, 1), starts.count) - 1]
    }

    package var meanStart: Double { starts.isEmpty ? 0 : starts.reduce(0) { $0 + Double($1) } / Double(starts.count) }
    package var successRate: Double { requests == 0 ? 1 : Double(successes) / Double(requests) }
    package var hedgeRate: Double { requests == 0 ? 0 : Double(hedges) / Double(requests) }
    package var failoverRate: Double { requests == 0 ? 0 : Double(failovers) / Double(requests) }

    /// What its cost is as a multiple of another's; 1 if both are free.
    package func cost(relativeTo other: Tally) -> Double {
        if cost == other.cost { return 1 }
        return Double(cost.nanodollars) / Double(max(other.cost.nanodollars, 1))
    }
}
