package import SandstormCore
import SandstormRouting

/// Runs a world's requests under one policy, the way the dispatcher would: create, on failure the next, on lateness a second, the
/// loser killed and paid for.
package struct Simulation<Place: World, Policy: RoutingPolicy> {
    private enum Event {
        case arrival(Int)
        case attempt(request: Int, offer: Int)
        case hedge(request: Int)
        case planning(request: Int)
        case outcome(attempt: Int)
        case end(attempt: Int)
        case release(offer: Int)
        case market(Int)
        case patience(request: Int)
    }

    private struct Attempt {
        enum State { case creating, running, over }
        var request: Int
        var offer: Int
        var began: Microseconds
        var draw: Draw
        /// Let in by the place, so that it counts against its limit.
        var isAdmitted: Bool
        var price: Offer
        var state = State.creating
    }

    private struct Progress {
        var attempts: [Int] = []
        var failures: [Failure] = []
        /// An attempt is to begin after a pause.
        var isPausing = false
        var hasStarted = false
        var isOver = false
    }

    /// How long a kill takes until the meter stops.
    private let killTime: Microseconds = .milliseconds(100)

    private let world: Place
    private var policy: Policy
    private var queue = EventQueue<Event>()
    private var attempts: [Attempt] = []
    private var progress: [Progress]
    /// When each request really came.
    private var arrivals: [Microseconds]
    private var prices: [Offer?]
    /// Of what was on sale once: a create may be on its way when it ceases to be.
    private var lastPrices: [Offer?]
    private var inUse: [Int]
    private var rates: [TokenBucket?]
    private var tally = Tally()
    private let requests: [SimulatedRequest]

    package static func run(_ policy: Policy, in world: Place) -> Tally { run(policy, in: world) { _, _, _ in } }

    /// - Parameter watch: sees everything that happens to requests: the request's number, what happened, and when.
    package static func run(_ policy: Policy, in world: Place, watch: @escaping (Int, Sight, Microseconds) -> Void) -> Tally {
        var simulation = Simulation(policy, in: world, watch: watch)
        return simulation.run()
    }

    /// What can be seen of a request from outside.
    package enum Sight: Hashable, Sendable {
        case created(offer: Int)
        case started(offer: Int)
        case killed(offer: Int, paid: Money)
        case finished(offer: Int)
        case failed(offer: Int, ProviderError.Code)
        case died(offer: Int)
        case gaveUp
    }

    private let watch: (Int, Sight, Microseconds) -> Void

    private init(_ policy: Policy, in world: Place, watch: @escaping (Int, Sight, Microseconds) -> Void) {
        self.policy = policy
        self.world = world
        self.watch = watch
        requests = world.requests
        progress = Array(repeating: Progress(), count: requests.count)
        arrivals = Array(repeating: 0, count: requests.count)
        prices = Array(repeating: nil, count: world.offerCount)
        lastPrices = prices
        inUse = Array(repeating: 0, count: world.offerCount)
        rates = Array(repeating: nil, count: world.offerCount)
    }

    private mutating func run() -> Tally {
        for (index, market) in world.markets.enumerated() { queue.add(.market(index), at: market.since) }
        expectArrival(after: -1, at: .min)
        while let (now, event) = queue.next() { handle(event, at: now) }
        tally.requests = requests.count
        tally.close()
        return tally
    }

    private mutating func handle(_ event: Event, at now: Microseconds) {
        switch event {
        case .arrival(let request): arrive(request, at: now)
        case .attempt(let request, let offer): resume(request, on: offer, at: now)
        case .hedge(let request): hedge(request, at: now)
        case .planning(let request): plan(request, at: now)
        case .outcome(let attempt): outcome(of: attempt, at: now)
        case .end(let attempt): end(attempt, at: now)
        case .release(let offer): inUse[offer] -= 1
        case .market(let index): open(world.markets[index])
        case .patience(let request): if !progress[request].hasStarted, !progress[request].isOver { giveUp(request, at: now) }
        }
    }

    private mutating func open(_ market: Market) {
        for index in prices.indices { prices[index] = nil }
        for (index, offer) in market.offers {
            prices[index] = offer
            lastPrices[index] = offer
        }
        policy.see(market)
    }

    /// Puts the next arrival in the queue: at once if it comes by itself, else when the one before is through.
    private mutating func expectArrival(after request: Int, at now: Microseconds) {
        let next = request + 1
        guard next < requests.count else { return }
        queue.add(.arrival(next), at: max(requests[next].arrival, now))
    }

    private func isNextChained(_ request: Int) -> Bool { request + 1 < requests.count && requests[request + 1].isChained }

    private mutating func arrive(_ request: Int, at now: Microseconds) {
        if !isNextChained(request) { expectArrival(after: request, at: now) }
        arrivals[request] = now
        if let patience = world.patience { queue.add(.patience(request: request), at: now + patience) }
        plan(request, at: now)
    }

    private mutating func plan(_ request: Int, at now: Microseconds) {
        guard !progress[request].isOver else { return }
        guard let plan = policy.plan(requests[request], at: now) else {
            guard let pause = policy.pause(before: requests[request], at: now) else { return giveUp(request, at: now) }
            return queue.add(.planning(request: request), at: now + max(pause, 1000))
        }
        begin(plan.offer, for: request, at: now)
        if let delay = plan.hedgeDelay { queue.add(.hedge(request: request), at: now + max(delay, 0)) }
    }

    private mutating func begin(_ offer: Int, for request: Int, at now: Microseconds) {
        guard !progress[request].isOver else { return }
        guard let price = prices[offer] ?? lastPrices[offer] else { preconditionFailure("offer \(offer) never was on sale") }
        let number = progress[request].attempts.count { attempts[$0].offer == offer }
        var draw = world.draw(requests[request], on: offer, try: number, at: now)
        let refusal = prices[offer] == nil ? .failure(.noCapacity, after: .milliseconds(120)) : refusal(by: offer, at: now)
        if let refusal { draw = refusal }
        let isAdmitted = refusal == nil && draw.failure == nil
        if isAdmitted { inUse[offer] += 1 }
        let index = attempts.count
        attempts.append(Attempt(request: request, offer: offer, began: now, draw: draw, isAdmitted: isAdmitted, price: price))
        progress[request].attempts.append(index)
        tally.creates += 1
        watch(request, .created(offer: offer), now)
        policy.began(offer, for: requests[request], at: now)
        queue.add(.outcome(attempt: index), at: now + draw.after)
    }

    private mutating func refusal(by offer: Int, at now: Microseconds) -> Draw? {
        guard let limit = world.limit(of: offer, at: now) else { return nil }
        if let most = limit.concurrent, inUse[offer] >= most { return .failure(.quotaExceeded, after: limit.refusalTime) }
        guard let perSecond = limit.perSecond else { return nil }
        var bucket = rates[offer] ?? TokenBucket(tokens: limit.burst, at: now)
        let isTaken = bucket.take(at: now, perSecond: perSecond, burst: limit.burst)
        rates[offer] = bucket
        return isTaken ? nil : .failure(.rateLimited, after: limit.refusalTime, retryAfter: bucket.wait(perSecond: perSecond))
    }

    private mutating func hedge(_ request: Int, at now: Microseconds) {
        guard !progress[request].hasStarted, !progress[request].isOver else { return }
        let tried = progress[request].attempts.map { attempts[$0].offer }
        let waited = progress[request].attempts.first.map { now - attempts[$0].began } ?? 0
        switch policy.hedge(requests[request], tried: tried, waited: waited, at: now) {
        case .none: break
        case .wait(let time): queue.add(.hedge(request: request), at: now + max(Microseconds(time), 1000))
        case .start(let offer, let again):
            tally.hedges += 1
            begin(offer, for: request, at: now)
            if let again { queue.add(.hedge(request: request), at: now + max(Microseconds(again), 1000)) }
        }
    }

    private mutating func outcome(of index: Int, at now: Microseconds) {
        guard attempts[index].state == .creating else { return }
        let attempt = attempts[index]
        if let code = attempt.draw.failure {
            attempts[index].state = .over
            fail(attempt, code, at: now)
        } else {
            attempts[index].state = .running
            start(index, at: now)
        }
    }

    private mutating func start(_ index: Int, at now: Microseconds) {
        let attempt = attempts[index]
        let request = attempt.request
        let isFirst = !progress[request].hasStarted
        progress[request].hasStarted = true
        policy.learn(.started(after: (now - attempt.began).duration), of: attempt.offer, for: requests[request], at: now)
        watch(request, .started(offer: attempt.offer), now)
        if isFirst {
            let wait = now - arrivals[request]
            tally.addStart(after: wait)
            if wait > world.promisedStart { tally.lateStarts += 1 }
            if isNextChained(request) { expectArrival(after: request, at: now) }
        }
        killLosers(of: request, but: index, at: now)
        let life = min(requests[request].duration, attempt.draw.diesAfter ?? .max)
        queue.add(.end(attempt: index), at: now + life)
    }

    private mutating func killLosers(of request: Int, but winner: Int?, at now: Microseconds) {
        for index in progress[request].attempts where index != winner && attempts[index].state == .creating {
            attempts[index].state = .over
            let loser = attempts[index]
            policy.learn(.abandoned(after: (now - loser.began).duration), of: loser.offer, for: requests[request], at: now)
            var paid = Money.zero
            if loser.isAdmitted {
                paid = charge(loser, until: now + killTime)
                tally.costOfLosers += paid
                queue.add(.release(offer: loser.offer), at: now + killTime)
            }
            watch(request, .killed(offer: loser.offer, paid: paid), now)
        }
    }

    /// A sandbox is paid for from the call that asks for it, as the gateway's own meter has it.
    private mutating func charge(_ attempt: Attempt, until end: Microseconds) -> Money {
        guard let cost = attempt.price.price.cost(of: attempt.price.resources, for: (end - attempt.began).duration) else {
            preconditionFailure("an offer without a price was chosen")
        }
        tally.cost += cost
        return cost
    }

    private mutating func fail(_ attempt: Attempt, _ code: ProviderError.Code, at now: Microseconds) {
        let request = attempt.request
        watch(request, .failed(offer: attempt.offer, code), now)
        let retryAfter = attempt.draw.retryAfter?.duration
        let event = Observation.Event.failed(code, after: (now - attempt.began).duration, retryAfter: retryAfter)
        policy.learn(event, of: attempt.offer, for: requests[request], at: now)
        let error = ProviderError(code, "simulated", retryAfter: retryAfter, mayHaveTakenEffect: code == .timedOut)
        goOn(request, after: Failure(offer: attempt.offer, error: error), at: now)
    }

    private mutating func goOn(_ request: Int, after failure: Failure, at now: Microseconds) {
        progress[request].failures.append(failure)
        guard !progress[request].isOver, !progress[request].isPausing, !isAlive(request) else { return }
        switch policy.next(after: progress[request].failures, for: requests[request], at: now) {
        case .attempt(let offer, let pause):
            if pause > 0 {
                progress[request].isPausing = true
                queue.add(.attempt(request: request, offer: offer), at: now + pause)
            } else {
                resume(request, on: offer, at: now)
            }
        case .giveUp: giveUp(request, at: now)
        }
    }

    private func isAlive(_ request: Int) -> Bool { progress[request].attempts.contains { attempts[$0].state != .over } }

    /// After a pause, in which a second sandbox may have come to be.
    private mutating func resume(_ request: Int, on offer: Int, at now: Microseconds) {
        progress[request].isPausing = false
        guard !isAlive(request) else { return }
        tally.failovers += 1
        begin(offer, for: request, at: now)
    }

    private mutating func giveUp(_ request: Int, at now: Microseconds) {
        progress[request].isOver = true
        watch(request, .gaveUp, now)
        killLosers(of: request, but: nil, at: now)
        if !progress[request].hasStarted {
            tally.lateStarts += 1
            if isNextChained(request) { expectArrival(after: request, at: now) }
        }
        policy.forget(requests[request])
    }

    private mutating func end(_ index: Int, at now: Microseconds) {
        let attempt = attempts[index]
        let request = attempt.request
        attempts[index].state = .over
        let paid = charge(attempt, until: now + killTime)
        queue.add(.release(offer: attempt.offer), at: now + killTime)
        let ran = min(requests[request].duration, attempt.draw.diesAfter ?? .max)
        if ran < requests[request].duration {
            tally.costOfDeaths += paid
            policy.learn(.interrupted(after: ran.duration), of: attempt.offer, for: requests[request], at: now)
            watch(request, .died(offer: attempt.offer), now)
            guard requests[request].isIdempotent else { return giveUp(request, at: now) }
            let error = ProviderError(.interrupted, "simulated", afterStart: true)
            goOn(request, after: Failure(offer: attempt.offer, error: error), at: now)
        } else {
            tally.successes += 1
            progress[request].isOver = true
            policy.learn(.finished(after: ran.duration), of: attempt.offer, for: requests[request], at: now)
            watch(request, .finished(offer: attempt.offer), now)
            policy.forget(requests[request])
        }
    }

}

/// So many per second, and a few at once.
struct TokenBucket {
    private var tokens: Double
    private var last: Microseconds

    init(tokens: Double, at now: Microseconds) {
        self.tokens = tokens
        last = now
    }

    mutating func take(at now: Microseconds, perSecond: Double, burst: Double) -> Bool {
        tokens = min(burst, tokens + Double(now - last) / 1e6 * perSecond)
        last = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }

    /// How long until the next one.
    func wait(perSecond: Double) -> Microseconds { .seconds(max(0, 1 - tokens) / perSecond) }
}
