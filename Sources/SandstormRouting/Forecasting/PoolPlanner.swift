package import SandstormCore

/// Decides how many sandboxes of which kind are kept ready, and where.
///
/// A further sandbox is worth what it is expected to save in an hour: as often as that many are asked for within the time in which one is
/// replaced, one more request finds a sandbox and saves the time of a start. It is kept if that is more than what it costs to have it wait;
/// if the budget does not pay for all of those, the ones that save most for a nano-dollar come first. (The newsvendor's rule, one paper at
/// a time.)
///
/// A plan keeps to the budget whatever happened before. Otherwise it is slow to change its mind: what is kept stays as long as it is worth
/// half its cost, and until it was worth less for a while.
package struct PoolPlanner: Sendable {
    package struct Settings: Hashable, Sendable {
        /// What all that wait may cost together, for an hour.
        package var budget: Money
        /// What it is worth that somebody waits a second less.
        package var secondValue: Money
        /// What one that waits costs at least, in weighing: a free one takes memory all the same. The budget does not count it.
        package var leastCost: Money
        /// How many may wait in one pool, and in all together.
        package var poolLimit: Int
        package var limit: Int
        /// How far a plan looks ahead beyond the time of a start: about as long as it takes until the next one.
        package var lookahead: Duration
        /// For how long fewer must be enough before there are fewer.
        package var patience: Duration

        package init(
            budget: Money, secondValue: Money = "$0.01", leastCost: Money = "$0.002", poolLimit: Int = 32, limit: Int = 64,
            lookahead: Duration = .seconds(30), patience: Duration = .seconds(300)
        ) {
            self.budget = max(budget, .zero)
            self.secondValue = max(secondValue, .zero)
            self.leastCost = max(leastCost, Money(nanodollars: 1))
            self.poolLimit = max(0, poolLimit)
            self.limit = max(0, limit)
            self.lookahead = lookahead
            self.patience = patience
        }
    }

    /// Where a pool's sandboxes could wait.
    package struct Place: Hashable, Sendable {
        /// How long a start takes there, and so how long a sandbox that was taken is missed: a high quantile.
        package var startup: Duration
        /// What one that waits costs for an hour.
        package var idlePerHour: Money
        /// What a run costs there more than where it would go without a pool.
        package var premium: Money

        package init(startup: Duration, idlePerHour: Money, premium: Money = .zero) {
            self.startup = startup
            self.idlePerHour = max(idlePerHour, .zero)
            self.premium = premium
        }
    }

    /// A kind of sandbox that is asked for.
    package struct Demand: Sendable {
        /// By which the planner knows it again.
        package var id: UInt64
        package var forecast: ArrivalForecast
        /// Each of them can serve all who ask; the first is where they would go without a pool.
        package var places: [Place]

        package init(id: UInt64, forecast: ArrivalForecast, places: [Place]) {
            self.id = id
            self.forecast = forecast
            self.places = places
        }
    }

    package struct Plan: Hashable, Sendable {
        package struct Pool: Hashable, Sendable {
            package let id: UInt64
            /// The index among the places of its demand.
            package let place: Int
            package let size: Int
            /// How many requests of an hour are expected to find one ready, in millionths.
            package let microhitsPerHour: Int64
        }

        /// For each demand, in their order; those of which none is kept have the size 0.
        package let pools: [Pool]
        /// What all of them cost while they wait, for an hour.
        package let idlePerHour: Money
        /// What they are expected to save in an hour, at the value of a second.
        package let savedPerHour: Money
    }

    package var settings: Settings
    private var kept: [UInt64: Kept] = [:]

    package init(_ settings: Settings) { self.settings = settings }

    /// What was planned last.
    private struct Kept: Sendable {
        var size: Int
        var place: Int
        /// When so many were last worth it.
        var wanted: Moment
    }

    /// One more sandbox in a pool.
    private struct Unit {
        var demand: Int
        var number: Int
        var microhits: Int64
        /// In nano-dollars for an hour.
        var value: Int64
        var cost: Int64
        var idle: Int64
        var isKept: Bool

        /// Saves more for its cost than `other`; what is there already is preferred to what saves little more.
        func precedes(_ other: Unit) -> Bool {
            let left = Int128(value) * Int128(other.cost) * (isKept ? 3 : 2)
            let right = Int128(other.value) * Int128(cost) * (other.isKept ? 3 : 2)
            return left == right ? (number, demand) < (other.number, other.demand) : left > right
        }
    }

    /// Plans anew. The forecasts are taken as they stand: whoever keeps them advances them to `now` first.
    package mutating func plan(_ demands: [Demand], at now: Moment) -> Plan {
        let known = Set(demands.map(\.id))
        kept = kept.filter { known.contains($0.key) }
        var units: [Unit] = []
        var places: [Int] = []
        for (index, demand) in demands.enumerated() {
            let place = place(for: demand, at: now)
            places.append(place)
            guard demand.places.indices.contains(place) else { continue }
            let all = self.units(index, demand, place, at: now)
            units += all.prefix(worthwhile(all, demand, place, at: now))
        }
        units.sort { $0.precedes($1) }
        var sizes = Array(repeating: 0, count: demands.count)
        var microhits = Array(repeating: Int64(0), count: demands.count)
        var (idle, value, count): (Int64, Int64, Int) = (0, 0, 0)
        // A pool whose next sandbox does not fit any more gets none after it either: they all cost the same there.
        for unit in units where count < settings.limit && unit.number == sizes[unit.demand] + 1 {
            let (sum, overflow) = idle.addingReportingOverflow(unit.idle)
            guard !overflow, sum <= settings.budget.nanodollars else { continue }
            idle = sum
            value = PoolPlanner.sum(value, unit.value)
            count += 1
            sizes[unit.demand] = unit.number
            microhits[unit.demand] = PoolPlanner.sum(microhits[unit.demand], unit.microhits)
        }
        for (index, demand) in demands.enumerated() {
            kept[demand.id, default: Kept(size: 0, place: 0, wanted: now)].size = sizes[index]
            kept[demand.id]?.place = places[index]
        }
        let pools = demands.indices.map {
            Plan.Pool(id: demands[$0].id, place: places[$0], size: sizes[$0], microhitsPerHour: microhits[$0])
        }
        return Plan(pools: pools, idlePerHour: Money(nanodollars: idle), savedPerHour: Money(nanodollars: value))
    }

    private static func sum(_ left: Int64, _ right: Int64) -> Int64 {
        let (sum, overflow) = left.addingReportingOverflow(right)
        return overflow ? .max : sum
    }

    /// How many of them are kept: those that are worth their cost, and of those that are there already those that are worth half of it.
    private mutating func worthwhile(_ units: [Unit], _ demand: Demand, _ place: Int, at now: Moment) -> Int {
        var before = kept[demand.id] ?? Kept(size: 0, place: place, wanted: now)
        let wanted = units.prefix { $0.isKept ? Int128($0.value) * 2 > Int128($0.cost) : $0.value > $0.cost }.count
        let staying = min(before.size, units.count)
        if wanted >= staying {
            before.wanted = now
            kept[demand.id] = before
            return wanted
        }
        return now - before.wanted < settings.patience ? staying : wanted
    }

    private func units(_ index: Int, _ demand: Demand, _ place: Int, at now: Moment) -> [Unit] {
        let offer = demand.places[place]
        // No pool is refilled faster than this, however fast a start is.
        let refill = max(offer.startup, .milliseconds(250))
        let present = demand.forecast.rate(at: now, for: refill)
        let soon = demand.forecast.rate(at: now + (settings.lookahead + refill + refill), for: refill)
        let chances = (soon.expected > present.expected ? soon : present).chances(upTo: settings.poolLimit)
        let saving = saving(at: offer)
        let before = kept[demand.id]?.size ?? 0
        let idle = offer.idlePerHour.nanodollars
        return chances.enumerated().map { position, chance in
            let microhits = Int64(chance * 1e6) * 3_600_000 / max(refill.wholeMilliseconds, 1)
            let value = Int64(clamping: Int128(microhits) * Int128(saving) / 1_000_000)
            return Unit(
                demand: index, number: position + 1, microhits: microhits, value: value, cost: max(idle, settings.leastCost.nanodollars),
                idle: idle, isKept: position < before)
        }
    }

    /// What somebody saves who finds a sandbox ready there, in nano-dollars.
    private func saving(at place: Place) -> Int64 {
        let waited = Int128(settings.secondValue.nanodollars) * Int128(max(place.startup, .zero).wholeMilliseconds) / 1000
        return Int64(clamping: max(0, waited - Int128(place.premium.nanodollars)))
    }

    /// Where a first sandbox would save most for its cost; where they are already unless another place is a quarter better.
    private func place(for demand: Demand, at now: Moment) -> Int {
        let before = kept[demand.id].flatMap { $0.size > 0 ? $0.place : nil }
        var best = 0
        for (index, place) in demand.places.enumerated() {
            func worth(_ place: Place, _ isKept: Bool) -> (value: Int128, cost: Int128) {
                (Int128(saving(at: place)) * (isKept ? 5 : 4), Int128(max(place.idlePerHour, settings.leastCost).nanodollars))
            }
            let (left, right) = (worth(place, index == before), worth(demand.places[best], best == before))
            if left.value * right.cost > right.value * left.cost { best = index }
        }
        return best
    }
}
