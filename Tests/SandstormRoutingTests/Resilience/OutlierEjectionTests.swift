import SandstormCore
import SandstormRouting
import Testing

@Suite("Outlier ejection") struct OutlierEjectionTests {
    /// A group of places, each with its share of failures and its slowness.
    final class Group {
        var ejection: OutlierEjection
        var now = Moment(milliseconds: 1_700_000_000_000)
        var chance: SeededGenerator

        init(seed: UInt64 = 1, policy: OutlierEjection.Policy = .standard) {
            ejection = OutlierEjection(policy: policy)
            chance = SeededGenerator(seed: seed)
        }

        /// So many calls to each place, spread over so much time.
        func run(
            _ places: [(failures: Double, slowness: Double)], calls: Int = 50, over time: Duration = .seconds(30)
        ) -> [OutlierEjection.Change] {
            var changes: [OutlierEjection.Change] = []
            for _ in 0..<calls {
                now = now + time / calls
                for (place, ways) in places.enumerated() where !ejection.isEjected(place, at: now) {
                    if Double.random(in: 0..<1, using: &chance) < ways.failures {
                        ejection.failed(place, .unavailable, at: now)
                    } else {
                        // What is expected differs by place; what counts is the ratio.
                        let expected = Duration.milliseconds(100 * (place + 1))
                        let latency = expected * Double.random(in: 0.5...2, using: &chance) * ways.slowness
                        ejection.succeeded(place, latency: latency, expected: expected, at: now)
                    }
                }
                changes += ejection.look(at: now, using: &chance)
            }
            return changes
        }
    }

    @Test(arguments: 0..<10) func `a place that fails more than the others is taken out, and comes back`(seed: Int) throws {
        let group = Group(seed: UInt64(seed))
        let changes = group.run([(0.01, 1), (0.4, 1), (0.02, 1), (0, 1)])
        #expect(!changes.isEmpty && changes.allSatisfy { $0.place == 1 && $0.cause == .failures })
        let until = try #require(changes.first?.until)
        #expect(!group.ejection.isEjected(1, at: max(until, group.now + .seconds(400))))
    }

    @Test(arguments: 0..<10) func `a place that has become slow is taken out, one that always was is not`(seed: Int) {
        let group = Group(seed: UInt64(seed))
        let changes = group.run([(0, 1), (0, 1), (0, 8)])
        #expect(!changes.isEmpty && changes.allSatisfy { $0.place == 2 && $0.cause == .delays })
    }

    @Test(arguments: 0..<10) func `when all do badly, nobody stands out`(seed: Int) {
        #expect(Group(seed: UInt64(seed)).run([(0.5, 1), (0.5, 1), (0.5, 1), (0.5, 1)], calls: 300).isEmpty)
        #expect(Group(seed: UInt64(seed)).run([(0, 10), (0, 10), (0, 10)], calls: 300).isEmpty)
    }

    @Test(arguments: 0..<20) func `ordinary differences are no reason`(seed: Int) {
        let group = Group(seed: UInt64(seed))
        #expect(group.run([(0.02, 1), (0.05, 1.3), (0, 0.8), (0.03, 1)], calls: 500, over: .seconds(300)).isEmpty)
    }

    @Test func `too few calls are no reason, and mistakes of callers never are`() {
        let group = Group()
        #expect(group.run([(0, 1), (1, 1)], calls: 9, over: .seconds(9)).isEmpty)
        for _ in 0..<100 {
            group.ejection.failed(0, .invalid, at: group.now)
            group.ejection.succeeded(1, latency: .seconds(1), expected: .seconds(1), at: group.now)
        }
        #expect(group.ejection.look(at: group.now + .seconds(5), using: &group.chance).filter { $0.place == 0 }.isEmpty)
    }

    @Test func `who is ejected again soon stays out for longer`() throws {
        let group = Group()
        var times: [Duration] = []
        for _ in 0..<4 {
            let change = try #require(group.run([(0, 1), (1, 1), (0, 1)], calls: 30, over: .seconds(60)).first)
            let earliest = change.until - group.now
            times.append(earliest)
            group.now = change.until
        }
        #expect(times[3] > times[0] + .seconds(60))
    }

    @Test(arguments: 0..<50) func `never more than the share is out, and never the last`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        let group = Group(seed: UInt64(seed))
        let count = Int.random(in: 2...12, using: &chance)
        for _ in 0..<10 {
            let bad = (0..<count).map { _ in (Bool.random(using: &chance) ? 0.0 : 0.9, 1.0) }
            _ = group.run(bad, calls: 40)
            let fit = (0..<count).filter { _ in chance.next() % 3 != 0 }
            let ejected = fit.filter { group.ejection.isEjected($0, at: group.now) }
            let back = group.ejection.readmit(among: fit.count, ejected, at: group.now)
            #expect(Set(back).isSubset(of: ejected))
            let out = ejected.count - back.count
            #expect(out <= fit.count / 2 && (fit.isEmpty || out < fit.count))
            // No more come back than must.
            #expect(back.isEmpty || out == min(fit.count / 2, fit.count - 1))
        }
    }

    @Test func `ejections survive a restart`() throws {
        let group = Group()
        _ = group.run([(0, 1), (1, 1), (0, 1)], calls: 15, over: .seconds(15))
        let until = try #require(group.ejection.ejectedUntil(1, at: group.now))
        let json = try #require(group.ejection.json(of: 1))
        #expect(group.ejection.json(of: 0) == nil)
        var restored = OutlierEjection()
        restored.restore(7, try JSONValue(parsing: json.encodedBytes), at: group.now)
        #expect(restored.ejectedUntil(7, at: group.now) == until)
        restored.restore(8, ["x"], at: group.now)
        #expect(!restored.isEjected(8, at: group.now))
        restored.restore(9, [.integer(Int64.max), 1, 1], at: group.now)
        #expect(!restored.isEjected(9, at: group.now + .seconds(600)))
    }
}
