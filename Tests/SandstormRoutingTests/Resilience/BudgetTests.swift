import SandstormCore
import SandstormRouting
import Testing

@Suite("Retry budget") struct RetryBudgetTests {
    @Test(arguments: 0..<10) func `retries are never more than earned, for anybody`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        var budget = RetryBudget(sharePercent: 20, perSecond: 0.5, burst: 5)
        let start = Moment(milliseconds: 1_700_000_000_000)
        var now = start
        var requests: [UInt64: Int] = [:]
        var retries: [UInt64: Int] = [:]
        for _ in 0..<8000 {
            now = now + .milliseconds(Int.random(in: 0...20, using: &chance))
            let tenant = chance.next() % 6
            if chance.next() % 2 == 0 {
                budget.requested(by: tenant, at: now)
                requests[tenant, default: 0] += 1
            } else {
                let allowed = budget.allows(tenant, at: now)
                let isTaken = budget.take(for: tenant, at: now)
                #expect(isTaken == allowed)
                if allowed { retries[tenant, default: 0] += 1 }
            }
            let byTime = Double(now.milliseconds - start.milliseconds) / 1000 * 0.5
            #expect(Double(retries[tenant] ?? 0) <= 5 + byTime + 0.2 * Double(requests[tenant] ?? 0))
            let total = (requests.values.reduce(0, +), retries.values.reduce(0, +))
            #expect(Double(total.1) <= 5 + byTime + 0.2 * Double(total.0))
        }
        // And what is earned is given: every second call asked for a retry.
        #expect(Double(retries.values.reduce(0, +)) > 0.2 * Double(requests.values.reduce(0, +)))
    }

    @Test func `one tenant's failures leave the others their retries`() {
        var budget = RetryBudget(burst: 10)
        let now = Moment(milliseconds: 5)
        for tenant: UInt64 in 1...20 { for _ in 0..<100 { budget.requested(by: tenant, at: now) } }
        var taken = 0
        while budget.take(for: 1, at: now) { taken += 1 }
        #expect(taken == 30)
        let other = budget.take(for: 2, at: now)
        #expect(other)
    }

    @Test func `a lone request may be tried again, and time earns a little`() {
        var budget = RetryBudget(perSecond: 0.1, burst: 3)
        var now = Moment(milliseconds: 1000)
        budget.requested(by: 7, at: now)
        let taken = (0..<4).map { _ in budget.take(for: 7, at: now) }
        #expect(taken == [true, true, true, false])
        // Asking often must not lose the fractions in between.
        for _ in 0..<100 {
            now = now + .milliseconds(101)
            _ = budget.allows(7, at: now)
        }
        let earned = (0..<2).map { _ in budget.take(for: 7, at: now) }
        #expect(earned == [true, false])
    }

    @Test func `what a busy hour earned is not kept for the night`() {
        var budget = RetryBudget(perSecond: 0, burst: 10)
        var now = Moment(milliseconds: 0)
        for _ in 0..<10_000 {
            now = now + .milliseconds(1)
            budget.requested(by: 1, at: now)
        }
        var busy = budget
        var taken = 0
        while busy.take(for: 1, at: now) { taken += 1 }
        #expect((800...2010).contains(taken))
        now = now + .seconds(600)
        taken = 0
        while budget.take(for: 1, at: now) { taken += 1 }
        #expect(taken == 10)
    }

    @Test func `any number of tenants takes the same memory, and all together stay within the share`() {
        var budget = RetryBudget(perSecond: 0, burst: 10, tenants: 16)
        let now = Moment(milliseconds: 0)
        var taken = 0
        for tenant: UInt64 in 1...10_000 {
            budget.requested(by: tenant, at: now)
            if budget.take(for: tenant, at: now) { taken += 1 }
        }
        #expect(taken <= 2010 && taken > 1900)
    }
}

@Suite("Hedge budget") struct HedgeBudgetTests {
    @Test(arguments: 0..<10) func `second creates never exceed the share by more than the burst, in any window`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        var budget = HedgeBudget(perMille: 70, burst: 8)
        // The largest excess of any window is the largest climb of what was taken minus what was earned, from its lowest point so far.
        var balance = 0
        var lowest = 0
        for step in 0..<50_000 {
            let greedy = step / 5000 % 2 == 0
            if greedy ? chance.next() % 2 == 0 : chance.next() % 100 != 0 {
                budget.requested()
                balance -= 70
                lowest = min(lowest, balance)
            } else if budget.take() {
                balance += 1000
                #expect(balance - lowest <= 8000)
                if chance.next() % 10 == 0 {
                    budget.giveBack()
                    balance -= 1000
                    lowest = min(lowest, balance)
                }
            }
        }
    }

    @Test func `what is earned is given`() {
        var budget = HedgeBudget(perMille: 70, burst: 10, initial: 0)
        var taken = 0
        for _ in 0..<10_000 {
            budget.requested()
            if budget.take() { taken += 1 }
        }
        #expect(taken == 700)
    }

    @Test func `the share holds over a restart`() {
        var budget = HedgeBudget(initial: 0)
        for _ in 0..<20 { budget.requested() }
        var restored = HedgeBudget(initial: 5)
        restored.restore(budget.json)
        #expect(restored == budget)
        restored.restore(["what"])
        #expect(restored == budget)
        restored.restore(999_999_999)
        var taken = 0
        while restored.take() { taken += 1 }
        #expect(taken == 10)
    }
}
