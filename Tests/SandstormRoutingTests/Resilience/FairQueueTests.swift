import SandstormCore
import SandstormRouting
import Testing

@Suite("Fair queue") struct FairQueueTests {
    static let start = Moment(milliseconds: 1_700_000_000_000)
    static let late = start + .seconds(100_000)

    @Test func `one tenant's runs keep their order`() throws {
        var queue = FairQueue(capacity: 100)
        let tickets = try (0..<40).map { _ in try queue.enqueue(1, deadline: Self.late, at: Self.start) }
        let served = (0..<41).map { _ in queue.dequeue(at: Self.start).next }
        #expect(served == tickets.map(Optional.some) + [nil])
        #expect(queue.isEmpty)
    }

    @Test func `a tenant that comes late is not behind all of another's`() throws {
        var queue = FairQueue(capacity: 100)
        for _ in 0..<30 { _ = try queue.enqueue(1, deadline: Self.late, at: Self.start) }
        for _ in 0..<5 { _ = queue.dequeue(at: Self.start) }
        let mine = try queue.enqueue(2, deadline: Self.late, at: Self.start)
        let next = [queue.dequeue(at: Self.start).next, queue.dequeue(at: Self.start).next]
        #expect(next.contains(mine))
    }

    @Test func `a tenant with one run at a time does not always come first`() throws {
        var queue = FairQueue(capacity: 1000)
        for _ in 0..<400 { _ = try queue.enqueue(1, deadline: Self.late, at: Self.start) }
        var single = try queue.enqueue(2, deadline: Self.late, at: Self.start)
        var served = 0
        for _ in 0..<200 {
            if queue.dequeue(at: Self.start).next == single {
                served += 1
                single = try queue.enqueue(2, deadline: Self.late, at: Self.start)
            }
        }
        #expect((99...101).contains(served))
    }

    /// While two tenants wait all the time, what each was served per weight differs by no more than one run of each.
    @Test(arguments: 0..<16) func `each gets its share, to within one run`(seed: Int) throws {
        var chance = SeededGenerator(seed: UInt64(seed))
        let tenants = Int.random(in: 2...8, using: &chance)
        let weights = (0..<tenants).map { _ in Int.random(in: 1...10, using: &chance) }
        var queue = FairQueue(capacity: 100_000)
        var owner: [FairQueue.Ticket: Int] = [:]
        var tickets: [FairQueue.Ticket] = []
        var now = Self.start
        /// Since when each has been waiting without a break, as what all had been served by then.
        var since: [Int: [Int]] = [:]
        var served = (0..<tenants).map { _ in 0 }
        for _ in 0..<3000 {
            now = now + .milliseconds(1)
            let before = served
            switch chance.next() % 20 {
            case 0..<9:
                let tenant = Int.random(in: 0..<tenants, using: &chance)
                let burst = chance.next() % 30 == 0 ? 100 : 1
                for _ in 0..<burst {
                    let ticket = try queue.enqueue(UInt64(tenant), weight: weights[tenant], deadline: Self.late, at: now)
                    owner[ticket] = tenant
                    tickets.append(ticket)
                }
                if since[tenant] == nil { since[tenant] = served }
            case 9:
                guard !tickets.isEmpty else { continue }
                let ticket = tickets.remove(at: Int.random(in: 0..<tickets.count, using: &chance))
                guard let tenant = owner[ticket] else { continue }
                let isRemoved = queue.remove(ticket)
                #expect(isRemoved)
                owner[ticket] = nil
                if queue.waiting(of: UInt64(tenant)) == 0 { since[tenant] = nil }
            default:
                let isEmpty = queue.isEmpty
                guard let ticket = queue.dequeue(at: now).next else {
                    #expect(isEmpty)
                    continue
                }
                let removed = owner.removeValue(forKey: ticket)
                let tenant = try #require(removed)
                served[tenant] += 1
                if queue.waiting(of: UInt64(tenant)) == 0 { since[tenant] = nil }
            }
            #expect(queue.count == owner.count)
            guard served != before else { continue }
            for (left, leftSince) in since {
                for (right, rightSince) in since where left < right {
                    // Both have waited since the later of the two began to.
                    let begin = zip(leftSince, rightSince).map(max)
                    let shares = [left, right].map { Double(served[$0] - begin[$0]) / Double(weights[$0]) }
                    #expect(abs(shares[0] - shares[1]) <= 1 / Double(weights[left]) + 1 / Double(weights[right]) + 0.01)
                }
            }
        }
    }

    @Test func `no tenant can fill the queue`() throws {
        var queue = FairQueue(capacity: 100)
        func fill(_ tenant: UInt64) -> Int {
            var count = 0
            while (try? queue.enqueue(tenant, deadline: Self.late, at: Self.start)) != nil { count += 1 }
            return count
        }
        #expect(fill(1) == 50)
        #expect(throws: FairQueue.Refusal.tenantFull(waiting: 50)) { _ = try queue.enqueue(1, deadline: Self.late, at: Self.start) }
        #expect(fill(2) == 25)
        var more = 0
        for tenant: UInt64 in 3...200 { more += fill(tenant) }
        #expect(more == 25)
        #expect(throws: FairQueue.Refusal.full(capacity: 100)) { _ = try queue.enqueue(999, deadline: Self.late, at: Self.start) }
        #expect("\(FairQueue.Refusal.full(capacity: 100))" == "all places are busy, and 100 runs wait already")
    }

    @Test func `who is past the deadline is not served, and costs nobody a turn`() throws {
        var queue = FairQueue(capacity: 100)
        let soon = try queue.enqueue(1, deadline: Self.start + .seconds(1), at: Self.start)
        let later = try queue.enqueue(1, deadline: Self.start + .seconds(5), at: Self.start)
        let other = try queue.enqueue(2, deadline: Self.start + .seconds(9), at: Self.start)
        #expect(queue.nextDeadline == Self.start + .seconds(1))
        let nobody = queue.expire(at: Self.start + .milliseconds(999))
        #expect(nobody.isEmpty)
        let turn = queue.dequeue(at: Self.start + .seconds(1))
        #expect(turn.expired == [soon] && turn.next == later)
        #expect(!queue.contains(soon) && queue.contains(other))
        let rest = queue.dequeue(at: Self.start + .seconds(60))
        #expect(rest.expired == [other] && rest.next == nil)
        #expect(queue.nextDeadline == nil)
    }

    @Test func `a ticket names one run only`() throws {
        var queue = FairQueue(capacity: 10)
        let first = try queue.enqueue(1, deadline: Self.late, at: Self.start)
        let isRemoved = queue.remove(first)
        let second = try queue.enqueue(1, deadline: Self.late, at: Self.start)
        let isRemovedAgain = queue.remove(first)
        #expect(isRemoved && !isRemovedAgain)
        #expect(first != second && queue.contains(second) && queue.count == 1)
    }

    @Test func `the wait is foreseen, and who can't wait so long is told at once`() throws {
        var queue = FairQueue(capacity: 1000)
        var now = Self.start
        #expect(queue.estimatedWait(of: 1, at: now) == nil)
        for _ in 0..<40 { _ = try queue.enqueue(1, deadline: Self.late, at: now) }
        for _ in 0..<10 {
            now = now + .milliseconds(100)
            _ = queue.dequeue(at: now)
        }
        #expect(queue.estimatedWait(of: 1, at: now) == .milliseconds(3100))
        // Another tenant's first waits for its own turn only: one of theirs, then itself.
        #expect(queue.estimatedWait(of: 2, at: now) == .milliseconds(200))
        #expect(throws: FairQueue.Refusal.tooLate(estimated: .milliseconds(3100))) {
            try queue.enqueue(1, deadline: now + .seconds(3), at: now)
        }
        _ = try queue.enqueue(2, deadline: now + .seconds(3), at: now)
        // Nothing has become free for long: the estimate grows.
        #expect(try #require(queue.estimatedWait(of: 1, at: now + .seconds(60))) > .seconds(60))
    }

    @Test func `any number of tenants one after another takes no more memory than the capacity`() throws {
        var queue = FairQueue(capacity: 8)
        _ = try queue.enqueue(0, deadline: Self.late, at: Self.start)
        for tenant: UInt64 in 1...10_000 {
            _ = try queue.enqueue(tenant, deadline: Self.late, at: Self.start)
            _ = queue.dequeue(at: Self.start)
        }
        #expect(queue.lanesInMemory <= 2 * 8 + 65)
        #expect(queue.count == 1)
    }
}
