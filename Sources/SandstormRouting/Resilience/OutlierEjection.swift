package import SandstormCore

/// Takes places out of a group for a while whose failures or delays stand out of it. One for all places.
///
/// A breaker looks at one place by itself; this compares. A place that fails one call in five is out when the others fail one in a hundred,
/// and stays when all of them do, as then the cause is not the place. Delays are compared as ratios to what was expected of each place,
/// since a place that is always slow does not stand out by being slow.
///
/// Of what is left for a run, at most a set share is taken out, the worst first, and never the last (``readmit(among:_:at:)``). So
/// ejection alone never refuses a run. Neither do breakers: when a run's every capable place is ejected, limited or has an open breaker, the
/// one with the least reluctance is tried (``CircuitBreaker/reluctance(at:)``), unless each of them asked for a wait that is not over.
package struct OutlierEjection: Sendable {
    /// When places are ejected, and for how long.
    package struct Policy: Hashable, Sendable {
        let minimumCalls: Double
        let gap: Double
        let slowdown: Double
        let mostPercent: Int
        let interval: Int64
        let shortest: Int64
        let longest: Int64
        let halfLife: HalfLife

        /// - Parameters:
        ///   - minimumCalls: so many recent calls are needed to judge a place.
        ///   - gapPercent: by how much its share of failures must exceed that of the others at least, in points.
        ///   - slowdown: how many times as slow, compared to what was expected, it must be as the others.
        ///   - mostPercent: the largest share of a run's places that is taken out.
        ///   - interval: between two looks at the group.
        ///   - ejection: from the first ejection of a place to the longest; grows with each that follows soon.
        ///   - halfLife: how fast calls cease to count as recent.
        package init(
            minimumCalls: Int = 10, gapPercent: Int = 15, slowdown: Double = 3, mostPercent: Int = 50, interval: Duration = .seconds(5),
            ejection: ClosedRange<Duration> = .seconds(30) ... .seconds(300), halfLife: Duration = .seconds(60)
        ) {
            self.minimumCalls = Double(max(1, minimumCalls))
            self.gap = Double(max(1, gapPercent)) / 100
            self.slowdown = max(1.1, slowdown).approximateLogarithm2
            self.mostPercent = min(max(0, mostPercent), 100)
            self.interval = max(1, interval.wholeMilliseconds)
            shortest = max(1, ejection.lowerBound.wholeMilliseconds)
            longest = max(1, ejection.upperBound.wholeMilliseconds)
            self.halfLife = HalfLife(halfLife)
        }

        package static let standard = Policy()
    }

    /// A place was taken out.
    package struct Change: Hashable, Sendable {
        package enum Cause: Hashable, Sendable { case failures, delays }

        package var place: Int
        package var cause: Cause
        package var until: Moment
    }

    private struct Place: Hashable, Sendable {
        var calls = 0.0
        var failures = 0.0
        /// Started calls, and the sum of the binary logarithms of their delays' ratios to what was expected.
        var starts = 0.0
        var slowness = 0.0
        var tick: Int64 = 0
        var until = Int64.min
        /// How often it was ejected, one less for each long time without.
        var ejections: Int32 = 0
        /// How far it stood out, in units of what ejects.
        var excess: Float = 0

        mutating func advance(to now: Int64) {
            guard now > tick else { return }
            let remainder = HalfLife.remainder(after: now - tick)
            calls *= remainder
            failures *= remainder
            starts *= remainder
            slowness *= remainder
            tick = now
        }
    }

    private let policy: Policy
    private var places: [Place] = []
    private var nextLook = Int64.min

    package init(policy: Policy = .standard) { self.policy = policy }

    // MARK: What it is told

    /// A call to this place went well after `latency`, where `expected` is what such calls there take as a rule.
    package mutating func succeeded(_ place: Int, latency: Duration, expected: Duration, at now: Moment) {
        let ratio = max(latency / .milliseconds(1), 1) / max(expected / .milliseconds(1), 1)
        let tick = policy.halfLife.tick(at: now)
        withPlace(place) { place in
            place.advance(to: tick)
            place.calls += 1
            place.starts += 1
            // One call that hangs must not weigh more than several that are merely slow.
            place.slowness += min(max(ratio.approximateLogarithm2, -4), 4)
        }
    }

    /// A call to this place failed.
    package mutating func failed(_ place: Int, _ code: ProviderError.Code, at now: Moment) {
        guard code.speaksAgainstPlace else { return }
        let tick = policy.halfLife.tick(at: now)
        withPlace(place) { place in
            place.advance(to: tick)
            place.calls += 1
            place.failures += 1
        }
    }

    /// Looks at the group, if it is time to: to be called now and then, such as with every decision.
    package mutating func look(at now: Moment, using generator: inout SeededGenerator) -> [Change] {
        guard now.milliseconds >= nextLook else { return [] }
        nextLook = now.milliseconds + policy.interval
        let tick = policy.halfLife.tick(at: now)
        var judged: [Int] = []
        for index in places.indices where places[index].calls > 0 {
            places[index].advance(to: tick)
            if places[index].calls >= policy.minimumCalls, places[index].until <= now.milliseconds { judged.append(index) }
        }
        guard judged.count >= 2 else { return [] }
        let failures = Others(judged.map { places[$0].failures / places[$0].calls })
        let delays = Others(judged.map { places[$0].starts >= policy.minimumCalls ? places[$0].slowness / places[$0].starts : 0 })
        var changes: [Change] = []
        for (rank, index) in judged.enumerated() {
            let calls = places[index].calls
            let usual = failures.median(without: rank)
            // Three standard deviations of a place that is as good as the others, seen through so few calls.
            let needed = max(policy.gap, 3 * ((usual * (1 - usual) + 0.01) / calls).squareRoot())
            let byFailures = (failures.values[rank] - usual) / needed
            let byDelays = min(delays.values[rank] - delays.median(without: rank), delays.values[rank]) / policy.slowdown
            let excess = max(byFailures, byDelays)
            guard excess >= 1 else { continue }
            changes.append(eject(index, byFailures >= byDelays ? .failures : .delays, excess, at: now, &generator))
        }
        return changes
    }

    // MARK: What it says

    /// Whether the place is taken out for now; see ``readmit(among:_:at:)``.
    @inline(__always)
    package func isEjected(_ place: Int, at now: Moment) -> Bool { place < places.count && now.milliseconds < places[place].until }

    /// Until when the place is taken out; `nil` if it is not.
    package func ejectedUntil(_ place: Int, at now: Moment) -> Moment? {
        isEjected(place, at: now) ? Moment(milliseconds: places[place].until) : nil
    }

    /// Which of a run's places must stay in although they are ejected, as otherwise too few were left: those that stood out the least.
    ///
    /// - Parameters:
    ///   - fit: how many places are fit for the run, ejected or not.
    ///   - ejected: those of them that are ejected.
    package func readmit(among fit: Int, _ ejected: [Int], at now: Moment) -> ArraySlice<Int> {
        let most = min(fit * policy.mostPercent / 100, fit - 1)
        guard ejected.count > most else { return [] }
        return ejected.sorted { (places[$0].excess, places[$0].until, $0) < (places[$1].excess, places[$1].until, $1) }
            .prefix(ejected.count - max(0, most))
    }

    // MARK: What a restart must not forget

    /// Of one place, as places' numbers are another process's own.
    package func json(of place: Int) -> JSONValue? {
        guard place < places.count, places[place].until != .min else { return nil }
        return [.integer(places[place].until), .integer(places[place].ejections), .integer(Int(places[place].excess * 1000))]
    }

    /// Restores what ``json(of:)`` kept; anything else is passed over.
    package mutating func restore(_ place: Int, _ json: JSONValue, at now: Moment) {
        let numbers = (json.arrayValue ?? []).compactMap(\.intValue)
        guard numbers.count == 3, (0...1000).contains(numbers[1]), (0...1_000_000).contains(numbers[2]) else { return }
        let latest = now.milliseconds + 2 * policy.longest
        withPlace(place) { place in
            place.until = min(Int64(numbers[0]), latest)
            place.ejections = Int32(numbers[1])
            place.excess = Float(numbers[2]) / 1000
        }
    }

    // MARK: How it works

    private mutating func withPlace(_ index: Int, _ body: (inout Place) -> Void) {
        if index >= places.count { places.append(contentsOf: repeatElement(Place(), count: index + 1 - places.count)) }
        body(&places[index])
    }

    private mutating func eject(
        _ index: Int, _ cause: Change.Cause, _ excess: Double, at now: Moment, _ generator: inout SeededGenerator
    ) -> Change {
        var place = places[index]
        if place.until != .min {
            let quiet = (now.milliseconds - place.until) / policy.longest
            place.ejections = Int32(max(0, Int64(place.ejections) - quiet))
        }
        place.ejections = min(place.ejections + 1, 1000)
        let time = min(policy.shortest * Int64(place.ejections), policy.longest)
        place.until = now.milliseconds + time + Int64(generator.next() % UInt64(time / 4 + 1))
        place.excess = Float(min(excess, 1000))
        // Once back, it is judged by what it does then.
        (place.calls, place.failures, place.starts, place.slowness) = (0, 0, 0, 0)
        places[index] = place
        return Change(place: index, cause: cause, until: Moment(milliseconds: place.until))
    }

    /// The middle of all values but one, for each of them.
    private struct Others {
        let values: [Double]
        private let sorted: [Double]

        init(_ values: [Double]) {
            self.values = values
            sorted = values.sorted()
        }

        func median(without rank: Int) -> Double {
            // Equal values are alike: any of them may be the one that is left out.
            var (low, high) = (0, sorted.count)
            while low < high {
                let middle = (low + high) / 2
                if sorted[middle] < values[rank] { low = middle + 1 } else { high = middle }
            }
            func other(_ index: Int) -> Double { sorted[index < low ? index : index + 1] }
            let count = sorted.count - 1
            return count.isMultiple(of: 2) ? (other(count / 2 - 1) + other(count / 2)) / 2 : other(count / 2)
        }
    }
}

extension Double {
    /// The binary logarithm of a positive number, to within a tenth: enough to compare delays by their order of magnitude.
    fileprivate var approximateLogarithm2: Double { Double(exponent) + significand - 1 }
}
