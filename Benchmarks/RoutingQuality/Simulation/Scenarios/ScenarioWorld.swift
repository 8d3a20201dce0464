import SandstormCore
package import SandstormRouting

/// A scenario as a world: its requests drawn, its changes laid out in time.
package struct ScenarioWorld: World {
    /// Conditions of one offer from an instant on.
    private struct Stretch {
        var since: Microseconds
        var conditions: Scenario.Conditions
    }

    package let scenario: Scenario
    package let requests: [SimulatedRequest]
    package let workloads: [WorkloadClass]
    package let markets: [Market]
    package let turningPoints: [Microseconds]
    private let stretches: [[Stretch]]
    private let chance: Chance

    package var offerCount: Int { scenario.offers.count }
    package var patience: Microseconds? { scenario.patience }
    package var promisedStart: Microseconds { scenario.promisedStart }

    /// - Parameter trace: whose arrivals come instead of the scenario's. A class that the scenario knows has the scenario's durations
    ///   unless the trace gives one.
    package init(_ scenario: Scenario, arrivals trace: ArrivalTrace? = nil, seed: UInt64 = 0) {
        self.scenario = scenario
        chance = Chance(seed: scenario.seed &+ seed &* 0x9E37_79B9)
        let length = max(scenario.length, trace?.arrivals.last.map { $0.offset + 1 } ?? 0)
        let stretches = scenario.offers.map { ScenarioWorld.stretches(of: $0, in: scenario, length: length) }
        self.stretches = stretches
        let instants = Set(stretches.joined().map(\.since)).sorted()
        turningPoints = instants
        markets = ScenarioWorld.markets(scenario, stretches, instants)
        let source = ChanceStream(chance.of(-1))
        if let trace {
            (requests, workloads) = ScenarioWorld.requests(of: scenario, following: trace, chance: chance.of(-2))
        } else {
            requests = ScenarioWorld.requests(of: scenario, source, chance: chance.of(-2))
            workloads = scenario.workloads.map { WorkloadClass(named: [$0.name]) }
        }
    }

    // MARK: Conditions

    private static func stretches(of place: Scenario.Place, in scenario: Scenario, length: Microseconds) -> [Stretch] {
        let changes = scenario.changes.filter { $0.offers.isEmpty || $0.offers.contains(place.id) }
        let occurrences = changes.map { $0.window.occurrences(within: length) }
        var cuts: Set<Microseconds> = [0]
        for (change, times) in zip(changes, occurrences) {
            for (from, until) in times where until > from {
                cuts.formUnion([from, until])
                if change.isDrift {
                    let steps = Microseconds(Scenario.Change.steps)
                    cuts.formUnion((1..<steps).map { from + (until - from) * $0 / steps })
                }
            }
        }
        var positions = Array(repeating: 0, count: changes.count)
        return cuts.sorted().filter { $0 < length }.map { cut in
            var conditions = place.conditions
            for (index, times) in occurrences.enumerated() {
                while positions[index] < times.count, times[positions[index]].until <= cut { positions[index] += 1 }
                guard positions[index] < times.count, times[positions[index]].from <= cut else { continue }
                let (from, until) = times[positions[index]]
                conditions = changes[index].applied(to: conditions, progress: Double(cut - from) / Double(until - from))
            }
            return Stretch(since: scenario.start + cut, conditions: conditions)
        }
    }

    private static func markets(_ scenario: Scenario, _ stretches: [[Stretch]], _ instants: [Microseconds]) -> [Market] {
        var markets: [Market] = []
        var last: [[Double]] = []
        for instant in instants {
            let present = stretches.map { conditions($0, at: instant) }
            let prices = present.map { [$0.priceFactor, $0.isOnSale ? 1 : 0] }
            guard prices != last else { continue }
            last = prices
            let offers = scenario.offers.indices.filter { present[$0].isOnSale }.map { index in
                let place = scenario.offers[index]
                let offer = Offer(
                    id: place.id, provider: ProviderID(place.provider), region: place.region, resources: scenario.resources,
                    isolation: .standard, price: place.price.multiplied(by: present[index].priceFactor),
                    startLatency: place.listedStart.duration)
                return (index: index, offer: offer)
            }
            // The first stands from before the first request.
            markets.append(Market(since: instant, offers: offers))
        }
        return markets
    }

    private static func conditions(_ stretches: [Stretch], at instant: Microseconds) -> Scenario.Conditions {
        var low = 0
        var high = stretches.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if stretches[middle].since <= instant { low = middle } else { high = middle }
        }
        return stretches[low].conditions
    }

    package func conditions(of offer: Int, at instant: Microseconds) -> Scenario.Conditions {
        ScenarioWorld.conditions(stretches[offer], at: instant)
    }

    package func limit(of offer: Int, at instant: Microseconds) -> Limit? { conditions(of: offer, at: instant).limit }

    package func draw(_ request: SimulatedRequest, on offer: Int, try number: Int, at instant: Microseconds) -> Draw {
        draw(conditions(of: offer, at: instant), chance.of(request.id).of(offer).of(number))
    }

    /// What a create comes to under those conditions.
    package func draw(_ conditions: Scenario.Conditions, _ chance: Chance) -> Draw {
        if !conditions.failures.isEmpty {
            var luck = chance.of(1).uniform
            for failure in conditions.failures {
                luck -= failure.chance
                guard luck < 0 else { continue }
                let after = Double(failure.after) * (0.8 + 0.4 * chance.of(3).uniform)
                return .failure(failure.code, after: Microseconds(after), retryAfter: failure.retryAfter)
            }
        }
        let start = Double(conditions.start.sample(chance.of(2))) * conditions.startFactor
        var diesAfter: Microseconds?
        if conditions.evictionsPerHour > 0 {
            diesAfter = Spread.exponential(mean: 3600e6 / conditions.evictionsPerHour, chance.of(4))
        }
        return .start(after: max(1, Microseconds(start)), diesAfter: diesAfter)
    }

    // MARK: Requests

    /// By thinning: candidates come at the highest rate there ever is, and each is kept with the share that holds at its time.
    private static func requests(of scenario: Scenario, _ source: ChanceStream, chance: Chance) -> [SimulatedRequest] {
        var source = source
        let phases = scenario.arrivals.phases.map { ($0.window.occurrences(within: scenario.length), $0.perSecond) }
        func rate(at offset: Microseconds) -> Double {
            let present = phases.last { phase in phase.0.contains { $0.from <= offset && offset < $0.until } }
            return present?.1 ?? scenario.arrivals.perSecond
        }
        let highest = max(scenario.arrivals.perSecond, scenario.arrivals.phases.map(\.perSecond).max() ?? 0)
        var offsets: [Microseconds] = []
        if highest > 0 {
            var offset: Microseconds = 0
            while true {
                offset += Spread.exponential(mean: 1e6 / highest, source.next())
                guard offset < scenario.length else { break }
                if source.next().uniform * highest < rate(at: offset) { offsets.append(offset) }
            }
        }
        for burst in scenario.arrivals.bursts {
            for (from, _) in burst.window.occurrences(within: scenario.length) {
                offsets += Array(repeating: from, count: burst.count)
            }
        }
        return offsets.sorted().enumerated().map { id, offset in
            let index = workload(of: scenario, chance.of(id))
            let workload = scenario.workloads[index]
            return SimulatedRequest(
                id: id, arrival: scenario.start + offset, workload: index,
                duration: max(1, workload.duration.sample(chance.of(id).of(2))), isIdempotent: workload.isIdempotent)
        }
    }

    private static func workload(of scenario: Scenario, _ chance: Chance) -> Int {
        var left = chance.of(1).uniform * scenario.workloads.reduce(0) { $0 + $1.share }
        for (index, workload) in scenario.workloads.enumerated() {
            left -= workload.share
            if left < 0 { return index }
        }
        return scenario.workloads.count - 1
    }

    private static func requests(
        of scenario: Scenario, following trace: ArrivalTrace, chance: Chance
    ) -> ([SimulatedRequest], [WorkloadClass]) {
        let names = Set(trace.arrivals.map(\.workload)).sorted()
        let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
        let known = Dictionary(scenario.workloads.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let requests = trace.arrivals.enumerated().map { id, arrival in
            let workload = known[arrival.workload]
            let drawn = workload.map { $0.duration.sample(chance.of(id).of(2)) }
            return SimulatedRequest(
                id: id, arrival: scenario.start + arrival.offset, workload: indices[arrival.workload] ?? 0,
                duration: max(1, arrival.duration ?? drawn ?? .seconds(10)), isIdempotent: workload?.isIdempotent ?? false)
        }
        return (requests, names.map { WorkloadClass(named: [$0]) })
    }
}

extension Spread {
    static func exponential(mean: Double, _ chance: Chance) -> Microseconds {
        max(1, Microseconds(min(-chance.logarithm * mean, 9e15)))
    }
}

extension PriceSchedule {
    /// All rates times a factor of which thousandths count; what is paid once for each sandbox too.
    func multiplied(by factor: Double) -> PriceSchedule {
        let thousandths = Int64((factor * 1000).rounded())
        guard thousandths != 1000 else { return self }
        func scaled(_ rate: Rate) -> Rate { Rate(picodollars: rate.picodollars * thousandths / 1000) }
        return PriceSchedule(
            perVCPUSecond: scaled(perVCPUSecond), perGiBSecond: scaled(perGiBSecond), perGPUSecond: perGPUSecond.mapValues(scaled),
            perDiskGiBSecond: scaled(perDiskGiBSecond), perCreate: Money(nanodollars: perCreate.nanodollars * thousandths / 1000),
            granularity: granularity, minimum: minimum)
    }
}
