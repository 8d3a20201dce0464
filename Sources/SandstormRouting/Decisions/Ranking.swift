package import SandstormCore

/// A decision as the dispatcher works with it: the kept offers of a table, best first.
package struct Ranking: Sendable {
    /// One kept offer, with the numbers that put it where it is.
    package struct Entry: Sendable {
        /// The index in the table.
        package var offer: Int
        /// What the whole run is expected to cost, the chance of failure and retry included.
        package var cost: Money
        /// The quantile of the time until the code starts that the objective looks at.
        package var latency: Duration
        /// The chance that the code does not start, in millionths.
        package var failurePPM: Int
        /// Less is better; comparable within one ranking only.
        package var score: Int64
    }

    package var table: OfferTable
    /// Best first.
    package var entries: [Entry]
    /// Whether to start a second sandbox elsewhere if the first is late, and when; `nil` if not.
    package var hedge: HedgePlan?
    /// The whole decision in words. Costs far more than the ranking: made when somebody is to see it.
    package var decision: Decision { makeDecision() }

    let makeDecision: @Sendable () -> Decision
}

/// When a second sandbox is worth its price.
package struct HedgePlan: Hashable, Sendable {
    /// After the first create began.
    package var delay: Duration
    /// The index of the second offer in the table.
    package var offer: Int
}
