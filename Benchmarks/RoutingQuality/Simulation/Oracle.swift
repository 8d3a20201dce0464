package import SandstormCore

/// What somebody would achieve who knows every draw and every change of conditions in advance.
///
/// For each request it looks at every offer, every number of tries that a policy might come to there after failing, and every instant
/// at which conditions change while the request may still wait, and takes the best by its objective. It pays for one sandbox and never
/// fails where anything would have worked. Limits on how much a place takes do not bind it, so no policy can do better.
package struct Oracle<Place: World> {
    private let world: Place
    private let objective: Constraints.Objective
    /// How many tries on one offer are looked at.
    private let tries = 3

    package init(of world: Place, objective: Constraints.Objective) {
        self.world = world
        self.objective = objective
    }

    /// What one request comes to.
    package struct Choice: Sendable {
        package var offer: Int
        package var start: Microseconds
        package var cost: Money
    }

    package func run() -> Tally {
        var tally = Tally()
        tally.requests = world.requests.count
        for choice in choices() {
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
    package func choices() -> [Choice?] {
        var market = 0
        var turn = 0
        let markets = world.markets
        let turns = (world.turningPoints + markets.map(\.since)).sorted()
        return world.requests.map { request in
            while market + 1 < markets.count, markets[market + 1].since <= request.arrival { market += 1 }
            while turn < turns.count, turns[turn] <= request.arrival { turn += 1 }
            var best: Choice?
            consider(request, in: markets[market], at: request.arrival, &best)
            guard let patience = world.patience else { return best }
            var later = market
            for instant in turns[turn...].prefix(while: { $0 - request.arrival <= patience }) {
                while later + 1 < markets.count, markets[later + 1].since <= instant { later += 1 }
                consider(request, in: markets[later], at: instant, &best)
            }
            return best
        }
    }

    private func consider(_ request: SimulatedRequest, in market: Market, at instant: Microseconds, _ best: inout Choice?) {
        let patience = world.patience ?? .max
        for (index, offer) in market.offers {
            var begin = instant
            for number in 0..<tries {
                let draw = world.draw(request, on: index, try: number, at: instant)
                let start = begin + draw.after - request.arrival
                if draw.failure != nil {
                    begin += draw.after
                    continue
                }
                let lives = draw.diesAfter.map { $0 >= request.duration } ?? true
                // What starts first may die and be run again: it counts as a start, and its price is too small to matter then.
                let counts = lives || (objective == .fastest && request.isIdempotent)
                if counts, start <= patience, let cost = offer.price.cost(of: offer.resources, for: life(of: request, draw)) {
                    let choice = Choice(offer: index, start: start, cost: cost)
                    if isBetter(choice, than: best) { best = choice }
                }
                // Further tries come only after a failure, or after a death that a request survives.
                if lives || !request.isIdempotent { break }
                begin += draw.after + (draw.diesAfter ?? 0)
            }
        }
    }

    private func life(of request: SimulatedRequest, _ draw: Draw) -> Duration {
        (draw.after + request.duration + .milliseconds(100)).duration
    }

    private func isBetter(_ choice: Choice, than best: Choice?) -> Bool {
        guard let best else { return true }
        return objective == .cheapest
            ? (choice.cost, choice.start) < (best.cost, best.start) : (choice.start, choice.cost) < (best.start, best.cost)
    }
}
