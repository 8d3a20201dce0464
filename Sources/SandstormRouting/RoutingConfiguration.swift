import SandstormCore

/// What an operator may set about routing; the defaults suit most.
package struct RoutingConfiguration: Sendable {
    package var breaker = CircuitBreaker.Policy.standard
    package var limit = ConcurrencyLimit.Policy.standard
    /// Second creates, per thousand requests; none if zero.
    package var hedgesPerMille = 65
    /// How many of them may be kept for later.
    package var hedgeBurst = 20
    /// Of these, so many per thousand requests may go to places of which too little is known.
    package var explorationsPerMille = 10
    /// Second attempts at the same place, per hundred requests.
    package var retriesPercent = 20
    package var retryBurst = 20
    /// Attempts elsewhere after a failure, per hundred requests.
    package var redirectsPercent = 100
    package var redirectBurst = 500

    package init() {}
}
