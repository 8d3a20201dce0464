import SandstormCore

extension Scenario {
    /// A scenario that nobody has thought up: some of this one's offers, in an order of its own, and up to eight changes to them at random,
    /// for two hours. The first offer is left alone, so that something always works.
    package func varied(seed: UInt64) -> Scenario {
        var dice = Dice(seed: seed)
        var varied = self
        varied.name = "random \(seed)"
        varied.seed = seed
        varied.length = .hours(2)
        varied.offers = Array(dice.shuffled(offers).prefix(2 + dice.index(below: max(1, offers.count - 1))))
        varied.patience = dice.one(of: [.seconds(10), .minutes(1), .minutes(5)])
        varied.arrivals = Arrivals(perSecond: dice.one(of: [0.1, 0.5, 1, 3]))
        if dice.index(below: 2) == 0 {
            let window = Window(from: .minutes(10), until: .minutes(11), every: .minutes(30))
            varied.arrivals.bursts = [(window, dice.one(of: [10, 50, 200]))]
        }
        let ids = varied.offers.dropFirst().map(\.id)
        varied.changes = (0..<dice.index(below: 9)).map { _ in
            let touched = dice.shuffled(Array(ids)).prefix(1 + dice.index(below: ids.count))
            return dice.change(of: Array(touched))
        }
        return varied
    }

    /// Chance in words.
    private struct Dice {
        private var stream: ChanceStream

        init(seed: UInt64) { stream = ChanceStream(Chance(seed: seed &+ 0xD1CE)) }

        mutating func index(below count: Int) -> Int { stream.next().index(below: count) }

        mutating func one<Value>(of values: [Value]) -> Value { values[index(below: values.count)] }

        mutating func shuffled<Value>(_ values: [Value]) -> [Value] {
            values.map { ($0, stream.next().bits) }.sorted { $0.1 < $1.1 }.map(\.0)
        }

        mutating func change(of offers: [String]) -> Change {
            let from = Microseconds.seconds(Double(index(below: 6000)))
            var window = Window(from: from, until: from + .seconds(Double(20 + index(below: 2400))))
            let kind = index(below: 8)
            if kind == 0 { window = Window(from: from, until: from + .seconds(30), every: .minutes(3)) }
            var change = Change(offers: offers, window: window)
            switch kind {
            case 0, 1, 2: change.failures = [failure]
            case 3: change.startFactor = one(of: [0.3, 3, 10, 30])
            case 4: change.priceFactor = one(of: [0.3, 2, 5])
            case 5:
                change.limit =
                    index(below: 2) == 0 ? Limit(concurrent: one(of: [0, 1, 10])) : Limit(perSecond: one(of: [0.1, 0.5, 2]), burst: 5)
            case 6: change.evictionsPerHour = one(of: [1, 10, 60])
            default: change.isOnSale = false
            }
            return change
        }

        private var failure: FailureModel {
            mutating get {
                let code = one(of: [
                    ProviderError.Code.quotaExceeded, .outOfCredit, .noCapacity, .rateLimited, .unavailable, .timedOut, .unauthenticated,
                    .unsupported,
                ])
                let refuses = code != .unavailable && code != .timedOut
                return FailureModel(
                    code: code, chance: one(of: [0.05, 0.3, 1]),
                    after: refuses ? .milliseconds(150) : code == .timedOut ? .seconds(15) : one(of: [.milliseconds(300), .seconds(2)]),
                    retryAfter: code == .rateLimited ? one(of: [nil, .seconds(5), .minutes(1)]) : nil)
            }
        }
    }
}
