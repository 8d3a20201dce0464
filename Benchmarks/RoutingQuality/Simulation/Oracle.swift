package import SandstormCore

/// What somebody would achieve who knows every draw and every change of conditions in advance.
///
/// For each request it looks at every offer, every number of tries that a policy might come to there after failing, and every change of
/// conditions that a policy might live to see by failing, and takes the best by its objective. It pays for one sandbox and fails only
/// where nothing would have worked. It does not sit and wait for better times, which nobody asks of a router; but for that, no policy can
/// do better on its measure, save where places take only so much: there it serves the requests in the order of their arrival, each by
/// the best that is free.
package struct Oracle<Place: World> {
    /// What one request comes to.
    package struct Choice: Sendable {
        package var offer: Int
        /// From the arrival to the start of the code.
        package var start: Microseconds
        package var cost: Money
    }

    private let world: Place
    private let objective: Constraints.Objective
    /// How many tries on one offer are looked at.
    private let tries = 8
    private let killTime: Microseconds = .milliseconds(100)

    private var inUse: [Int]
    private var rates: [TokenBucket?]
    private var releases = EventQueue<Int>()

    /// - Parameter objective: anything but `cheapest` counts as `fastest`.
    package static func run(in world: Place, objective: Constraints.Objective) -> Tally {
        var tally = Tally()
        tally.requests = world.requests.count
        for choice in choices(in: world, objective: objective) {
            guard let choice else {
                tally.lateStarts += 1
                continue
            }
            tally.successes += 1
            tally.creates += 1
            tally.cost += choice.cost
            tally.addStart(after: choice.start)
            if choice.start > world.promisedStart { tally.lateStarts += 1 }
        }
        tally.servable = tally.successes
        tally.close()
        return tally
    }

    /// By request; `nil` where nothing would have worked.
    package static func choices(in world: Place, objective: Constraints.Objective) -> [Choice?] {
        var oracle = Oracle(world: world, objective: objective)
        return oracle.choices()
    }

    private init(world: Place, objective: Constraints.Objective) {
        self.world = world
        self.objective = objective
        inUse = Array(repeating: 0, count: world.offerCount)
        rates = Array(repeating: nil, count: world.offerCount)
    }

    private mutating func choices() -> [Choice?] {
        var market = 0
        var turn = 0
        let markets = world.markets
        let turns = Set(world.turningPoints + markets.map(\.since)).sorted()
        var release = releases.next()
        return world.requests.map { request in
            while let due = release, due.instant <= request.arrival {
                inUse[due.event] -= 1
                release = releases.next()
            }
            while market + 1 < markets.count, markets[market + 1].since <= request.arrival { market += 1 }
            while turn < turns.count, turns[turn] <= request.arrival { turn += 1 }
            var best: Choice?
            var earliest = Microseconds.max
            var spent = consider(request, in: markets[market], at: request.arrival, &best, &earliest)
            var later = market
            for instant in turns[turn...] {
                guard instant - request.arrival <= min(spent, world.patience ?? .max) else { break }
                while later + 1 < markets.count, markets[later + 1].since <= instant { later += 1 }
                spent += consider(request, in: markets[later], at: instant, &best, &earliest)
            }
            // What starts first may die and be run again elsewhere: it counts as a start, and its price does not matter then.
            if objective != .cheapest, let start = best?.start { best?.start = min(start, earliest) }
            if let best {
                take(best, for: request)
                if let due = release {
                    releases.add(due.event, at: due.instant)
                    release = nil
                }
                release = releases.next()
            }
            return best
        }
    }

    /// - Parameter earliest: the first start of any, also of what dies and may be run again.
    /// - Returns: how long a policy might be kept busy by failures under these conditions.
    private func consider(
        _ request: SimulatedRequest, in market: Market, at instant: Microseconds, _ best: inout Choice?, _ earliest: inout Microseconds
    ) -> Microseconds {
        let patience = world.patience ?? .max
        var spent: Microseconds = 0
        for (index, offer) in market.offers {
            guard isFree(index, at: instant) else {
                spent += world.limit(of: index, at: instant)?.refusalTime ?? 0
                continue
            }
            var begin = instant
            var sunk = Money.zero
            var firstStart = Microseconds.max
            defer { spent += begin - instant }
            for number in 0..<tries {
                let draw = world.draw(request, on: index, try: number, at: instant)
                if draw.failure != nil {
                    begin += draw.after + (draw.retryAfter ?? 0)
                    continue
                }
                firstStart = min(firstStart, begin + draw.after - request.arrival)
                guard firstStart <= patience else { break }
                let lives = draw.diesAfter.map { $0 >= request.duration } ?? true
                if lives || request.isIdempotent { earliest = min(earliest, firstStart) }
                if lives, let cost = offer.price.cost(of: offer.resources, for: life(of: request, draw)) {
                    let choice = Choice(offer: index, start: firstStart, cost: sunk + cost)
                    if isBetter(choice, than: best) { best = choice }
                }
                // Further tries come only after a failure, or after a death that a request survives and somebody pays for.
                guard !lives, request.isIdempotent, let diesAfter = draw.diesAfter,
                    let lost = offer.price.cost(of: offer.resources, for: (draw.after + diesAfter + killTime).duration)
                else { break }
                sunk += lost
                begin += draw.after + diesAfter
            }
        }
        return spent
    }

    private func isFree(_ offer: Int, at instant: Microseconds) -> Bool {
        guard let limit = world.limit(of: offer, at: instant) else { return true }
        if let most = limit.concurrent, inUse[offer] >= most { return false }
        guard let perSecond = limit.perSecond else { return true }
        var bucket = rates[offer] ?? TokenBucket(tokens: limit.burst, at: instant)
        return bucket.take(at: instant, perSecond: perSecond, burst: limit.burst)
    }

    private mutating func take(_ choice: Choice, for request: SimulatedRequest) {
        guard let limit = world.limit(of: choice.offer, at: request.arrival) else { return }
        if let perSecond = limit.perSecond {
            var bucket = rates[choice.offer] ?? TokenBucket(tokens: limit.burst, at: request.arrival)
            _ = bucket.take(at: request.arrival, perSecond: perSecond, burst: limit.burst)
            rates[choice.offer] = bucket
        }
        inUse[choice.offer] += 1
        releases.add(choice.offer, at: request.arrival + choice.start + request.duration + killTime)
    }

    private func life(of request: SimulatedRequest, _ draw: Draw) -> Duration { (draw.after + request.duration + killTime).duration }

    private func isBetter(_ choice: Choice, than best: Choice?) -> Bool {
        guard let best else { return true }
        return objective == .cheapest
            ? (choice.cost, choice.start) < (best.cost, best.start) : (choice.start, choice.cost) < (best.start, best.cost)
    }
}
