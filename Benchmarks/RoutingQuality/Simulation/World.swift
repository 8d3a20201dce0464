package import SandstormCore
package import SandstormRouting

/// What is outside of the gateway: who asks for runs, what is on offer when, and what each create comes to.
///
/// Everything is settled before the first policy runs. A draw is named by the request, the offer and the number of the try, and by the
/// time only as far as conditions have changed by then: all policies meet the same luck, and an oracle can look it up.
package protocol World: Sendable {
    /// How many offers there ever are; an offer is named by its index.
    var offerCount: Int { get }
    /// In the order of their arrival.
    var requests: [SimulatedRequest] { get }
    /// The kinds of work that requests name by index.
    var workloads: [WorkloadClass] { get }
    /// What is on sale, by the time from which it is so; the first begins before any request comes.
    var markets: [Market] { get }
    /// The instants at which what a draw comes to may change, in order.
    var turningPoints: [Microseconds] { get }
    /// What a create comes to if the place lets it in.
    func draw(_ request: SimulatedRequest, on offer: Int, try number: Int, at instant: Microseconds) -> Draw
    /// How much the place takes at that time; `nil` if it has no limit.
    func limit(of offer: Int, at instant: Microseconds) -> Limit?
    /// A request that has not started so long after its arrival has failed; `nil` if it may wait for ever.
    var patience: Microseconds? { get }
    /// The start that users are promised.
    var promisedStart: Microseconds { get }
}

/// One run that somebody asks for.
package struct SimulatedRequest: Sendable {
    /// Its index in the world's ``World/requests``.
    package var id: Int
    /// When it comes; of a chained one, the earliest time.
    package var arrival: Microseconds
    /// It comes when the one before it has started or failed.
    package var isChained = false
    /// Its index in the world's ``World/workloads``.
    package var workload = 0
    /// How long its code runs.
    package var duration: Microseconds
    /// It may be run again after its sandbox has died under it.
    package var isIdempotent = false

    package init(
        id: Int, arrival: Microseconds, isChained: Bool = false, workload: Int = 0, duration: Microseconds, isIdempotent: Bool = false
    ) {
        self.id = id
        self.arrival = arrival
        self.isChained = isChained
        self.workload = workload
        self.duration = duration
        self.isIdempotent = isIdempotent
    }
}

/// What is on sale from an instant on.
package struct Market: Sendable {
    package var since: Microseconds
    /// By the world's index of the offer.
    package var offers: [(index: Int, offer: Offer)]

    package init(since: Microseconds, offers: [(index: Int, offer: Offer)]) {
        self.since = since
        self.offers = offers
    }
}

/// What a create comes to.
package struct Draw: Sendable {
    /// Until the code starts, or until the failure shows.
    package var after: Microseconds
    /// Why it does not start; `nil` if it does.
    package var failure: ProviderError.Code?
    package var retryAfter: Microseconds?
    /// The sandbox dies so long after the code has started, if the code runs for longer.
    package var diesAfter: Microseconds?

    package static func start(after time: Microseconds, diesAfter: Microseconds? = nil) -> Draw {
        Draw(after: time, diesAfter: diesAfter)
    }

    package static func failure(_ code: ProviderError.Code, after time: Microseconds, retryAfter: Microseconds? = nil) -> Draw {
        Draw(after: time, failure: code, retryAfter: retryAfter)
    }

    package init(
        after: Microseconds, failure: ProviderError.Code? = nil, retryAfter: Microseconds? = nil, diesAfter: Microseconds? = nil
    ) {
        self.after = after
        self.failure = failure
        self.retryAfter = retryAfter
        self.diesAfter = diesAfter
    }
}

/// What a place takes from us, and how it says no.
package struct Limit: Hashable, Sendable {
    /// Sandboxes at once.
    package var concurrent: Int?
    /// Creates per second, and how many of them may come at once.
    package var perSecond: Double?
    package var burst: Double
    /// How long a refusal takes.
    package var refusalTime: Microseconds

    package init(concurrent: Int? = nil, perSecond: Double? = nil, burst: Double = 10, refusalTime: Microseconds = .milliseconds(120)) {
        self.concurrent = concurrent
        self.perSecond = perSecond
        self.burst = burst
        self.refusalTime = refusalTime
    }
}

extension World {
    package var turningPoints: [Microseconds] { [] }
    package func limit(of offer: Int, at instant: Microseconds) -> Limit? { nil }
    package var patience: Microseconds? { nil }
    package var promisedStart: Microseconds { .seconds(2) }
}
