package import SandstormCore

/// Decides where runs go, and learns from what becomes of them.
///
/// Pure: the time is passed in, chance comes from the seed, and nothing is read or written. The same calls in the same order give the
/// same answers. A dispatcher uses it so:
///
/// 1. ``table(of:)`` once for offers that stand unchanged, ``rank(_:among:at:)`` for each run.
/// 2. ``began(_:at:)`` when it sends a create to an offer, and exactly one ``record(_:among:at:)`` for how that ended: started, failed
///    or abandoned. Of one that started, later how the code ended.
/// 3. If nothing has started after the ranking's ``Ranking/hedge`` delay: ``takeHedge(_:for:at:)``, which may give an offer for a second
///    create. Who starts first wins; the other is killed and recorded as abandoned.
/// 4. After a failure: ``next(after:of:for:at:)``, which says where to go on, and when.
package struct Router: Sendable {
    package init(seed: UInt64 = 0) {
    }

    /// Prepares offers for decisions.
    package mutating func table(of providers: [ProviderOffers]) -> OfferTable {
        OfferTable(providers) { _ in 0 }
    }

    /// Ranks the offers of `table` for one run.
    package mutating func rank(_ request: RoutingRequest, among table: OfferTable, at now: Moment) -> Ranking {
        fatalError("to come")
    }

    /// A create goes to this offer now.
    package mutating func began(_ offer: Int, of table: OfferTable, at now: Moment) {
    }

    /// Learns what became of it.
    package mutating func record(_ observation: Observation, among table: OfferTable, at now: Moment) {
    }

    /// Nothing has started within the hedge delay.
    ///
    /// - Returns: the offer for a second create, which counts against the budget; `nil` if there is to be none.
    package mutating func takeHedge(_ ranking: Ranking, for request: RoutingRequest, at now: Moment) -> Int? { nil }

    /// What a dispatcher does after a failure.
    package enum Next: Hashable, Sendable {
        /// Try this offer, after a pause.
        case attempt(Int, after: Duration)
        /// There is none left that may be tried.
        case nowhere
        /// There would be one, but retries have used up their share of the traffic.
        case retriesSpent
    }

    /// Where to go on.
    ///
    /// - Parameter failures: what was tried for this run so far, in its order, each with its error.
    package mutating func next(
        after failures: [(offer: Int, error: ProviderError)], of ranking: Ranking, for request: RoutingRequest, at now: Moment
    ) -> Next { .nowhere }
}
