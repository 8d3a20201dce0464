package import SandstormCore
package import SandstormRouting

/// A way to choose among offers, as the simulated dispatcher asks it.
///
/// Told what a gateway can know, when it can know it: prices, and what became of its own creates. Offers are named by the world's indices.
package protocol RoutingPolicy {
    /// From now on this is on sale.
    mutating func see(_ market: Market)
    /// Where a request goes first, and when to start a second sandbox if nothing has started by then; `nil` if nothing will do.
    mutating func plan(_ request: SimulatedRequest, at now: Microseconds) -> RoutingPlan?
    /// There is no plan now: after how long to ask for one again; `nil` if that is in vain.
    mutating func pause(before request: SimulatedRequest, at now: Microseconds) -> Microseconds?
    /// A create goes to this offer.
    mutating func began(_ offer: Int, for request: SimulatedRequest, at now: Microseconds)
    /// What became of it: exactly one of started, failed and abandoned, and after a start how the code ended.
    mutating func learn(_ event: Observation.Event, of offer: Int, for request: SimulatedRequest, at now: Microseconds)
    /// Nothing has started within the plan's delay, or that of the last answer.
    ///
    /// - Parameters:
    ///   - tried: where creates of this request went so far.
    ///   - waited: since the first of them began.
    mutating func hedge(_ request: SimulatedRequest, tried: [Int], waited: Microseconds, at now: Microseconds) -> HedgeStep
    /// Where to go on after failures, which come in their order and are never none.
    mutating func next(after failures: [Failure], for request: SimulatedRequest, at now: Microseconds) -> NextStep
    /// Nothing more will be asked about this request.
    mutating func forget(_ request: SimulatedRequest)
}

/// Where a request goes first.
package struct RoutingPlan: Sendable {
    package var offer: Int
    /// After the first create began.
    package var hedgeDelay: Microseconds?

    package init(offer: Int, hedgeDelay: Microseconds? = nil) {
        self.offer = offer
        self.hedgeDelay = hedgeDelay
    }
}

/// What was tried and failed.
package struct Failure: Sendable {
    package var offer: Int
    package var error: ProviderError
}

/// What follows on a failure.
package enum NextStep: Hashable, Sendable {
    case attempt(Int, after: Microseconds)
    case giveUp
}

extension RoutingPolicy {
    package mutating func pause(before request: SimulatedRequest, at now: Microseconds) -> Microseconds? { nil }
    package mutating func began(_ offer: Int, for request: SimulatedRequest, at now: Microseconds) {}
    package mutating func hedge(_ request: SimulatedRequest, tried: [Int], waited: Microseconds, at now: Microseconds) -> HedgeStep {
        .none
    }
    package mutating func forget(_ request: SimulatedRequest) {}
}
