import SandstormCore
import SandstormRouting
import SandstormStore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("Automatic pools") struct AutomaticPoolTests {
    private static let monday = Moment(milliseconds: 1_767_571_200_000)
    /// Of a vCPU, which is what the standard shape has one of.
    private static let price: Money = "$0.2"

    private static func priced(startLatency: Duration = .seconds(5)) throws -> ScriptedProvider {
        ScriptedProvider(price: try #require(PriceSchedule(perVCPUHour: price)), startLatency: startLatency)
    }

    /// A clock that the test sets.
    private final class Clock: Sendable {
        private let moment: Locked<Moment>

        init(_ moment: Moment) { self.moment = Locked(moment) }

        var now: Moment { moment.withLock { $0 } }
        func set(_ seconds: Int) { moment.withLock { $0 = monday + .seconds(seconds) } }
        func pass(_ time: Duration) { moment.withLock { $0 = $0 + time } }
    }

    /// Gives `body` a gateway that plans its pools, and stops it afterwards.
    private func withPlanning(
        _ provider: ScriptedProvider, at clock: Clock, budget: Money, learned: JSONValue? = nil, fixed: [WarmPool] = [],
        _ change: (inout AutomaticPools) -> Void = { _ in }, _ body: (TestGateway) async throws -> Void
    ) async throws {
        var configuration = TestGateway.quick
        configuration.reapInterval = .milliseconds(20)
        configuration.warmPools = fixed
        var automatic = AutomaticPools(budget: budget)
        automatic.interval = .milliseconds(20)
        automatic.clock = { clock.now }
        change(&automatic)
        configuration.automaticPools = automatic
        let gateway = try await TestGateway([provider], configuration: configuration)
        if let learned { gateway.engine.pools.restore(learned) }
        let service = Task { try await gateway.engine.run() }
        do {
            try await body(gateway)
        } catch {
            service.cancel()
            try await service.value
            throw error
        }
        service.cancel()
        try await service.value
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    /// What a gateway has learned that saw so many evenly spread requests an hour for two weeks, until the second Sunday's end.
    private func learned(_ provider: ScriptedProvider, rate: (_ day: Int, _ hour: Int) -> Int) throws -> JSONValue {
        let spec = WarmPool(count: 0).bareSpec
        let offer = try #require(provider.offers(for: spec).first)
        var demand = PoolDemand(id: 1, spec: spec, offer: offer, asked: AutomaticPoolTests.monday)
        for minute in -14 * 1440..<0 {
            let (day, hour) = ((minute + 14 * 1440) / 1440, (minute + 14 * 1440) / 60 % 24)
            let begin = AutomaticPoolTests.monday + .seconds(minute * 60)
            let perHour = rate(day % 7, hour)
            let before = perHour * (minute + 14 * 1440) / 60
            let count = perHour * (minute + 14 * 1440 + 1) / 60 - before
            for number in 0..<count { demand.forecast.record(at: begin + .milliseconds(60_000 * number / count)) }
            demand.forecast.advance(to: begin + .seconds(60))
        }
        return .array([demand.json])
    }

    @Test func `a wave that is foreseen finds sandboxes ready, and after it they are gone`() async throws {
        let provider = try AutomaticPoolTests.priced()
        let clock = Clock(AutomaticPoolTests.monday + .seconds(8 * 3600 + 1800))
        let learned = try learned(provider) { day, hour in day < 5 && (9..<17).contains(hour) ? 1440 : 1 }
        try await withPlanning(provider, at: clock, budget: "$2", learned: learned) { gateway in
            #expect(await eventually { gateway.metric("sandstorm_pool_shapes") == 1 })
            #expect(gateway.metric("sandstorm_pool_planned") == 0 && provider.createCount == 0)
            // Fifteen seconds before: nobody has asked for anything yet.
            clock.set(9 * 3600 - 15)
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") >= 2 })
            let runs = try await withThrowingTaskGroup(of: RunState.self) { group in
                for _ in 0..<2 { group.addTask { try await gateway.run(.scripted()).state } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(runs == [.finished, .finished])
            #expect(gateway.metric("sandstorm_pool_requests_total{ready=\"true\"}") == 2)
            #expect(gateway.metric("sandstorm_pool_requests_total{ready=\"false\"}") == 0)
            // What was taken is replaced.
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") >= 2 && provider.createCount >= 4 })
            clock.set(17 * 3600 + 1200)
            #expect(await eventually { gateway.metric("sandstorm_pool_planned") == 0 && provider.livingCount == 0 })
        }
    }

    @Test func `the budget holds whatever is asked for`() async throws {
        let provider = try AutomaticPoolTests.priced()
        provider.behave { $0.createDelay = .milliseconds(3) }
        let clock = Clock(AutomaticPoolTests.monday + .seconds(12 * 3600))
        let learned = try learned(provider) { _, _ in 3600 }
        // Three at $0.20, and not quite a fourth.
        let perHour = try #require(provider.offers(for: SandboxSpec()).first?.idlePerHour(replacedAfter: .seconds(3600)))
        try await withPlanning(provider, at: clock, budget: "$0.79", learned: learned) { gateway in
            let pools = gateway.engine.pools
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") == 3 })
            #expect(gateway.metric("sandstorm_pool_planned") == 3)
            #expect(gateway.metric("sandstorm_pool_planned_nanodollars_per_hour") == 3 * perHour.nanodollars)
            #expect(gateway.metric("sandstorm_pool_budget_nanodollars_per_hour") == 790_000_000)
            #expect(provider.livingCount == 3)
            let isOver = Locked(false)
            async let highest = Task {
                var highest: Int64 = 0
                while !isOver.withLock({ $0 }) {
                    highest = max(highest, pools.state.withLock { $0.idlePerHour })
                    await Task.yield()
                }
                return highest
            }.value
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<40 {
                    group.addTask {
                        var request = RunRequest.scripted()
                        // Another shape comes in, and both are asked for.
                        if number % 2 == 0 { request.spec.memory = 2048 }
                        clock.pass(.milliseconds(500))
                        _ = try? await gateway.run(request)
                    }
                }
            }
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") == 3 && provider.livingCount == 3 })
            isOver.withLock { $0 = true }
            let spent = await highest
            #expect(spent > 0 && spent <= 790_000_000)
        }
    }

    @Test func `shapes are learned from those who ask, and no more than there is room for`() async throws {
        let provider = try AutomaticPoolTests.priced()
        let clock = Clock(AutomaticPoolTests.monday)
        try await withPlanning(provider, at: clock, budget: "$5", { $0.maximumShapes = 2 }) { gateway in
            var request = RunRequest.scripted()
            request.spec.memory = 2048
            request.spec.environment = ["SECRET": "caller's"]
            var small = RunRequest.scripted()
            small.spec.memory = 256
            for other in [small, .scripted()] { _ = try await gateway.run(other) }
            clock.pass(.seconds(1))
            // One of those makes room.
            for _ in 0..<30 {
                clock.pass(.seconds(2))
                _ = try await gateway.run(request)
            }
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") >= 1 })
            #expect(gateway.metric("sandstorm_pool_shapes") == 2)
            let hits = gateway.metric("sandstorm_pool_requests_total{ready=\"true\"}")
            _ = try await gateway.run(request)
            #expect(gateway.metric("sandstorm_pool_requests_total{ready=\"true\"}") == hits + 1)
            let specs = gateway.engine.pools.state.withLock { $0.entries.compactMap { $0.demand?.spec } }
            #expect(specs.map(\.memory).contains(2048) && specs.allSatisfy { $0.environment.isEmpty && $0.code == nil })
        }
    }

    @Test func `what the configuration keeps ready is not planned as well`() async throws {
        let provider = try AutomaticPoolTests.priced()
        let clock = Clock(AutomaticPoolTests.monday)
        try await withPlanning(provider, at: clock, budget: "$5", fixed: [WarmPool(count: 1)]) { gateway in
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") == 1 })
            for _ in 0..<20 {
                clock.pass(.seconds(1))
                _ = try await gateway.run(.scripted())
            }
            #expect(await eventually { gateway.metric("sandstorm_pool_ready") == 1 && gateway.metric("sandstorm_pool_shapes") == 0 })
        }
    }

    @Test func `what was learned outlives the process`() async throws {
        let provider = try AutomaticPoolTests.priced()
        let clock = Clock(AutomaticPoolTests.monday + .seconds(12 * 3600))
        let learned = try learned(provider) { _, _ in 3600 }
        var configuration = TestGateway.quick
        configuration.automaticPools = AutomaticPools(budget: "$1")
        configuration.automaticPools?.clock = { clock.now }
        configuration.automaticPools?.interval = .milliseconds(20)
        let first = try await TestGateway([provider], configuration: configuration)
        first.engine.pools.restore(learned)
        _ = try await first.run(.scripted())
        await first.engine.keepLearned()
        let kept = await Engine.learned(in: first.store)
        let shapes = try #require(first.engine.pools.learned)
        let engine = Engine(
            providers: [provider], store: first.store, configuration: configuration, learned: kept, logger: first.engine.logger)
        #expect(engine.pools.learned == shapes && shapes.arrayValue?.count == 1 && shapes != learned)
        // A gateway that plans nothing reads the rest of it.
        let other = Engine(providers: [provider], store: first.store, learned: kept, logger: first.engine.logger)
        #expect(other.pools.learned == nil)
        await first.stop()
    }

    @Test func `what is kept in an earlier form, or cut short, is the router's alone`() {
        let whole = KeptLearning(router: [1, 10, 2], pools: ["a": 1]).bytes
        #expect(KeptLearning(whole).router == [1, 10, 2])
        #expect(KeptLearning(whole).pools == ["a": 1])
        #expect(KeptLearning(router: [7], pools: nil).bytes == [7])
        #expect(KeptLearning([7]).router == [7] && KeptLearning([7]).pools == nil)
        for length in 0..<whole.count { #expect(KeptLearning(Array(whole.prefix(length))).pools == nil) }
    }
}
