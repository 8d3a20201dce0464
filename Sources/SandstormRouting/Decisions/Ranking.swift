package import SandstormCore

/// A decision as the dispatcher works with it: the kept offers of a table, best first.
package struct Ranking: Sendable {
    /// One kept offer, with the numbers that put it where it is.
    package struct Entry: Sendable {
        /// The index in the table.
        package var offer: Int
        /// What the whole run is expected to cost, the chance of failure and retry included.
        package var cost: Money
        /// The time within which nine in ten starts have happened here.
        package var latency: Duration
        /// The chance that the code does not start, in millionths.
        package var failurePPM: Int
        /// Preferences and rules come before any number: less is better.
        package var tier: Int32
        /// Less is better; comparable within one tier of one ranking only.
        package var score: Int64
    }

    package var table: OfferTable
    /// Best first.
    package var entries: [Entry]
    /// Capable offers that rest after failures or are full; best first.
    package var resting: [Entry]
    /// Whether to start a second sandbox elsewhere if the first is late, and when; `nil` if not.
    package var hedge: HedgePlan?
    /// There are capable offers, but as far as is known all of them are full or resting: waiting helps.
    package var isWorthWaiting: Bool
    /// What became of each offer of the table, by its index.
    package var drops: [DropReason]
    /// The whole decision in words. Costs far more than the ranking: made when somebody is to see it.
    package var decision: Decision { makeDecision() }

    let makeDecision: @Sendable () -> Decision
}

/// When a second sandbox is worth its price.
package struct HedgePlan: Hashable, Sendable {
    /// After the first create began.
    package var delay: Duration
    /// The index of the second offer in the table, as things stand; which one it is to be is decided when the time has come.
    package var offer: Int
    /// The second is started to learn of its place, not because the first is late.
    package var explores: Bool
}

/// What a dispatcher does when the time for a second sandbox has come.
package enum HedgeStep: Hashable, Sendable {
    /// Start it on this offer. If nothing has started after `then`, ask again.
    case start(Int, then: Duration?)
    /// Not now: ask again after this time.
    case wait(Duration)
    /// There is to be none.
    case none
}
