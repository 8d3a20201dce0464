import SandstormCore
import SandstormRouting
import Testing

@Suite("Pool planner") struct PoolPlannerTests {
    /// A forecast of arrivals that came at this rate for a day.
    private static func steady(perHour: Double) -> ArrivalForecast {
        var forecast = ArrivalForecast()
        let gap = perHour > 0 ? Int64(3_600_000 / perHour) : .max
        var next = Traffic.monday.milliseconds
        for second in stride(from: Int64(0), through: 86_400, by: 10) {
            let now = Traffic.monday.milliseconds + second * 1000
            while next <= now, perHour > 0 {
                forecast.record(at: Moment(milliseconds: next))
                next += gap
            }
            forecast.advance(to: Moment(milliseconds: now))
        }
        return forecast
    }

    private static let noon = Traffic.monday + .seconds(86_400)
    private static let rates = [0.0, 1, 10, 60, 400, 3000]
    private static let forecasts = rates.map(steady)

    private func demand(_ rate: Int, id: UInt64 = 1, startup: Duration = .seconds(2), idle: Money = "$0.1") -> PoolPlanner.Demand {
        PoolPlanner.Demand(id: id, forecast: PoolPlannerTests.forecasts[rate], places: [.init(startup: startup, idlePerHour: idle)])
    }

    private func plan(_ settings: PoolPlanner.Settings, _ demands: [PoolPlanner.Demand]) -> PoolPlanner.Plan {
        var planner = PoolPlanner(settings)
        return planner.plan(demands, at: PoolPlannerTests.noon)
    }

    @Test func `as many are kept as are worth more than they cost`() {
        let plan = plan(.init(budget: "$100"), [demand(3)])
        // 60 an hour that each save 2 s at $0.01: the first is worth up to $1.20 for its ten cents; a second is hardly ever asked for.
        #expect((1...2).contains(plan.pools[0].size))
        #expect(plan.savedPerHour > "$0.8" && plan.savedPerHour <= "$1.5")
        #expect((40_000_000...75_000_000).contains(plan.pools[0].microhitsPerHour))
        // One an hour is not worth it.
        #expect(self.plan(.init(budget: "$100"), [demand(1)]).pools[0].size == 0)
        // It is if they cost next to nothing and a start is slow.
        #expect(self.plan(.init(budget: "$100"), [demand(1, startup: .seconds(20), idle: .zero)]).pools[0].size >= 1)
    }

    @Test func `more is asked for, more are kept`() {
        for startup in [Duration.milliseconds(100), .seconds(1), .seconds(20)] {
            for idle: Money in [.zero, "$0.01", "$0.3"] {
                let sizes = PoolPlannerTests.rates.indices.map {
                    plan(.init(budget: "$1000"), [demand($0, startup: startup, idle: idle)]).pools[0].size
                }
                #expect(sizes == sizes.sorted(), "\(sizes)")
                #expect(sizes[0] == 0)
            }
        }
    }

    @Test func `a larger budget keeps no fewer, and what is not paid for is the least useful`() {
        var before = 0
        for cents in 0...60 {
            let budget = Money(nanodollars: Int64(cents) * 50_000_000)
            let plan = plan(.init(budget: budget), [demand(5), demand(4, id: 2), demand(3, id: 3)])
            let total = plan.pools.map(\.size).reduce(0, +)
            #expect(total >= before && plan.idlePerHour <= budget)
            before = total
            if cents == 2 { #expect(plan.pools.map(\.size) == [1, 0, 0]) }
        }
        #expect(before >= 8)
    }

    @Test(arguments: 0..<30) func `whatever is asked, and whatever was planned before, the budget holds`(seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var planner = PoolPlanner(.init(budget: .zero))
        var now = PoolPlannerTests.noon
        for _ in 0..<40 {
            let budget = Money(nanodollars: Int64.random(in: 0...2_000_000_000, using: &chance))
            planner.settings = .init(
                budget: budget, poolLimit: Int.random(in: 0...40, using: &chance), limit: Int.random(in: 0...80, using: &chance))
            let demands = (0..<UInt64.random(in: 0...6, using: &chance)).map { id in
                PoolPlanner.Demand(
                    id: id, forecast: PoolPlannerTests.forecasts[Int.random(in: 0..<6, using: &chance)],
                    places: (0..<Int.random(in: 0...3, using: &chance)).map { _ in
                        .init(
                            startup: .milliseconds(Int.random(in: 0...30_000, using: &chance)),
                            idlePerHour: Money(nanodollars: Int64.random(in: 0...500_000_000, using: &chance)),
                            premium: Money(nanodollars: Int64.random(in: 0...5_000_000, using: &chance)))
                    })
            }
            let plan = planner.plan(demands, at: now)
            #expect(plan.pools.map(\.id) == demands.map(\.id))
            var idle = Money.zero
            for (pool, demand) in zip(plan.pools, demands) {
                #expect((0...planner.settings.poolLimit).contains(pool.size))
                for _ in 0..<pool.size { idle += demand.places[pool.place].idlePerHour }
            }
            #expect(idle == plan.idlePerHour && idle <= budget)
            #expect(plan.pools.map(\.size).reduce(0, +) <= planner.settings.limit)
            now = now + .seconds(Int.random(in: 0...100, using: &chance))
            // Of fresh planners, the one with more to spend saves more.
            var (less, more) = (PoolPlanner(planner.settings), PoolPlanner(planner.settings))
            less.settings.budget = Money(nanodollars: budget.nanodollars / 2)
            let saved = (less.plan(demands, at: now).savedPerHour, more.plan(demands, at: now).savedPerHour)
            if planner.settings.limit >= demands.count * planner.settings.poolLimit { #expect(saved.0 <= saved.1) }
        }
    }

    @Test func `amounts that do not fit are not spent`() {
        let plan = plan(
            .init(budget: Money(nanodollars: .max), secondValue: Money(nanodollars: .max / 2)),
            [demand(5, startup: .seconds(3600), idle: Money(nanodollars: .max / 3)), demand(5, id: 2, idle: Money(nanodollars: .max / 3))])
        #expect(plan.pools.map(\.size).reduce(0, +) <= 3)
    }

    @Test(arguments: 1...5) func `sizes do not follow chance up and down`(seed: UInt64) {
        var traffic = Traffic(seed: seed) { _, _ in 200 }
        var forecast = ArrivalForecast()
        var planner = PoolPlanner(.init(budget: "$1"))
        traffic.pass(.seconds(86_400), into: &forecast)
        var sizes: [Int] = []
        traffic.pass(.seconds(6 * 3600), into: &forecast) { now, forecast in
            let place = PoolPlanner.Place(startup: .seconds(3), idlePerHour: "$0.05")
            sizes.append(planner.plan([.init(id: 1, forecast: forecast, places: [place])], at: now).pools[0].size)
        }
        let changes = zip(sizes, sizes.dropFirst()).count { $0 != $1 }
        #expect(sizes.allSatisfy { $0 >= 1 })
        #expect(changes <= 30, "\(changes) changes in \(sizes.count) plans")
    }

    @Test func `a pool grows at once and shrinks only after a while`() {
        var planner = PoolPlanner(.init(budget: "$10"))
        let noon = PoolPlannerTests.noon
        func size(_ rate: Int, _ seconds: Int) -> Int { planner.plan([demand(rate)], at: noon + .seconds(seconds)).pools[0].size }
        let (small, large) = (size(3, 0), size(5, 10))
        #expect(large > small)
        #expect(size(3, 20) == large)
        #expect(size(3, 300) == large)
        #expect(size(5, 305) == large)
        #expect(size(3, 600) == large)
        #expect(size(3, 606) < large)
        #expect(size(0, 1000) == 0 || size(0, 1400) == 0)
    }

    @Test func `the wave is prepared for before it comes, and not long before`() {
        var traffic = Traffic(seed: 7) { _, hour in (9..<17).contains(hour) ? 1200 : 2 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(7 * 86_400 + 8 * 3600), into: &forecast)
        var planner = PoolPlanner(.init(budget: "$10"))
        var sizes: [Int] = []
        traffic.pass(.seconds(3600), into: &forecast) { now, forecast in
            let place = PoolPlanner.Place(startup: .seconds(5), idlePerHour: "$1")
            sizes.append(planner.plan([.init(id: 1, forecast: forecast, places: [place])], at: now).pools[0].size)
        }
        #expect(sizes.first == 0 && sizes[300] == 0)
        #expect(sizes.last.map { $0 >= 2 } == true)
        // 40 s ahead: the lookahead and the time of two starts.
        #expect(sizes[350] == 0 && sizes[355] >= 2)
    }

    @Test func `a pool is where a sandbox saves most for its cost, and stays there for little`() {
        var planner = PoolPlanner(.init(budget: "$1"))
        func place(_ places: [PoolPlanner.Place]) -> Int {
            planner.plan([.init(id: 1, forecast: PoolPlannerTests.forecasts[4], places: places)], at: PoolPlannerTests.noon).pools[0].place
        }
        let slow = PoolPlanner.Place(startup: .seconds(4), idlePerHour: "$0.1")
        #expect(place([slow, .init(startup: .seconds(4), idlePerHour: "$0.05")]) == 1)
        // A little cheaper is no reason to move.
        #expect(place([.init(startup: .seconds(4), idlePerHour: "$0.045"), .init(startup: .seconds(4), idlePerHour: "$0.05")]) == 1)
        #expect(place([.init(startup: .seconds(4), idlePerHour: "$0.02"), .init(startup: .seconds(4), idlePerHour: "$0.05")]) == 0)
        // Runs that cost more there than they save by waiting less have no business there.
        #expect(place([slow, .init(startup: .seconds(4), idlePerHour: "$0.01", premium: "$1")]) == 0)
    }
}
