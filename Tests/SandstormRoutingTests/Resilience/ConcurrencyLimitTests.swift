import SandstormCore
import SandstormRouting
import Testing

@Suite("Concurrency limit") struct ConcurrencyLimitTests {
    /// A provider with a quota of living sandboxes, asked as much as the limit lets through.
    struct Account {
        var limit = ConcurrencyLimit()
        var quota: Int
        var now = Moment(milliseconds: 1_700_000_000_000)
        var living = 0
        var refusals = 0

        /// Asks for one; `nil` if the limit says no.
        @discardableResult
        mutating func create() -> Bool? {
            guard limit.permits(at: now) else { return nil }
            limit.began(at: now)
            if living < quota {
                living += 1
                limit.started(at: now)
                return true
            }
            refusals += 1
            limit.refused(.quotaExceeded, at: now)
            return false
        }

        mutating func end() {
            living -= 1
            limit.ended()
        }
    }

    @Test func `a rate that no refusal confirms is forgotten, also after a restart`() throws {
        let start = Moment(milliseconds: 1_700_000_000_000)
        var limit = ConcurrencyLimit()
        limit.began(at: start)
        limit.refused(.rateLimited, at: start)
        #expect(!limit.permits(at: start + .seconds(1)))
        let kept = limit.json
        #expect(limit.permits(at: start + .seconds(601)))
        #expect(limit.headroom(at: start + .seconds(601)) == nil)
        limit.began(at: start + .seconds(601))
        #expect(limit.callsPerSecond == nil)
        let restored = try #require(ConcurrencyLimit(json: kept, at: start + .seconds(2)))
        #expect(!restored.permits(at: start + .seconds(3)))
        #expect(restored.permits(at: start + .seconds(700)))
    }

    @Test func `nothing is limited until the first refusal, which is then the only one`() {
        var account = Account(quota: 10)
        #expect(account.limit.headroom(at: account.now) == nil)
        for _ in 0..<1000 { account.create() }
        #expect(account.refusals == 1)
        #expect(account.limit.limit == 10)
        #expect(account.limit.headroom(at: account.now) == 0)
        for _ in 0..<5 { account.end() }
        #expect(account.limit.headroom(at: account.now) == 5)
        for _ in 0..<1000 { account.create() }
        #expect(account.refusals == 1 && account.living == 10)
    }

    @Test func `under steady demand a quota is hit ever more rarely`() {
        var account = Account(quota: 10)
        for second in 0..<3600 {
            account.now = account.now + .seconds(1)
            for _ in 0..<5 { account.create() }
            if second % 3 == 0 { account.end() }
        }
        #expect(account.refusals <= 12)
        #expect(account.limit.limit == 10)
    }

    @Test func `a larger quota is found by trial, in growing steps`() {
        var account = Account(quota: 10)
        while account.refusals == 0 { account.create() }
        account.quota = 500
        var seconds = 0
        while account.living < 500, seconds < 3600 {
            account.now = account.now + .seconds(1)
            seconds += 1
            for _ in 0..<100 { account.create() }
        }
        #expect(account.living == 500)
        #expect(seconds < 120)
    }

    @Test func `an account that takes nothing is asked ever more rarely, and used again once it does`() {
        var account = Account(quota: 0)
        for _ in 0..<3600 {
            account.now = account.now + .seconds(1)
            for _ in 0..<5 { account.create() }
        }
        #expect(account.limit.limit == 0)
        #expect(account.refusals <= 12)
        account.quota = 100
        for _ in 0..<700 {
            account.now = account.now + .seconds(1)
            for _ in 0..<100 { account.create() }
        }
        #expect(account.living == 100)
    }

    @Test func `a smaller quota is learned from the next refusal`() {
        var account = Account(quota: 20)
        while account.refusals == 0 { account.create() }
        for _ in 0..<9 { account.end() }
        account.quota = 12
        account.now = account.now + .seconds(5)
        let before = account.refusals
        for _ in 0..<100 { account.create() }
        #expect(account.limit.limit == 12)
        #expect(account.refusals == before + 1)
    }

    @Test func `a trial that is refused after some have ended takes nothing away`() {
        var account = Account(quota: 10)
        while account.refusals == 0 { account.create() }
        account.now = account.now + .seconds(10)
        #expect(account.limit.permits(at: account.now))
        account.limit.began(at: account.now)
        for _ in 0..<5 { account.end() }
        account.limit.refused(.quotaExceeded, at: account.now)
        #expect(account.limit.limit == 10)
        #expect(account.limit.headroom(at: account.now) == 5)
    }

    @Test func `of a burst the accepted ones count, in whatever order the answers come`() {
        var chance = SeededGenerator(seed: 3)
        for _ in 0..<50 {
            var limit = ConcurrencyLimit()
            let now = Moment(milliseconds: 1_700_000_000_000)
            for _ in 0..<50 { limit.began(at: now) }
            for isAccepted in (Array(repeating: true, count: 10) + Array(repeating: false, count: 40)).shuffled(using: &chance) {
                if isAccepted { limit.started(at: now) } else { limit.refused(.quotaExceeded, at: now) }
            }
            #expect(limit.limit == 10)
            #expect(!limit.permits(at: now))
        }
    }

    @Test(arguments: 0..<20) func `the limit is never above what was accepted or asked`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        var limit = ConcurrencyLimit()
        var now = Moment(milliseconds: 1_700_000_000_000)
        var quota = 15
        var pending = 0
        var living = 0
        var wasRefused = false
        var mostAsked = 0
        for _ in 0..<20_000 {
            now = now + .milliseconds(Int.random(in: 0...500, using: &chance))
            switch chance.next() % 100 {
            case 0: quota = Int.random(in: 1...40, using: &chance)
            case 1..<50:
                guard limit.permits(at: now) else { continue }
                limit.began(at: now)
                pending += 1
                mostAsked = max(mostAsked, pending + living)
            case 50..<80:
                guard pending > 0 else { continue }
                pending -= 1
                if chance.next() % 20 == 0 {
                    limit.failed()
                } else if living < quota {
                    living += 1
                    limit.started(at: now)
                } else {
                    wasRefused = true
                    let before = limit.limit
                    limit.refused(.quotaExceeded, at: now)
                    if let before, let after = limit.limit { #expect(after <= before, "a refusal raises no limit") }
                }
            default:
                guard living > 0 else { continue }
                living -= 1
                limit.ended()
            }
            #expect(limit.occupied == pending + living)
            if let learned = limit.limit {
                #expect(wasRefused && learned >= 0)
                #expect(learned <= mostAsked)
            }
        }
        #expect(wasRefused)
    }

    @Test func `a quota with far fewer alive than a moment ago, or with a time to wait, is one of calls`() {
        var account = Account(quota: 50)
        for _ in 0..<50 { account.create() }
        for _ in 0..<45 { account.end() }
        account.quota = 0
        account.create()
        #expect(account.limit.limit == nil)
        #expect(account.limit.callsPerSecond != nil)
        var limit = ConcurrencyLimit()
        limit.began(at: account.now)
        limit.refused(.quotaExceeded, retryAfter: .seconds(3), at: account.now)
        #expect(limit.limit == nil && limit.callsPerSecond != nil)
    }

    @Test func `a rate that a place takes is found and kept to, with few refusals`() {
        var limit = ConcurrencyLimit()
        let start = Moment(milliseconds: 1_700_000_000_000)
        var tokens = 20.0
        var counts = (accepted: 0, refused: 0)
        for step in 0..<60_000 {
            let now = start + .milliseconds(step * 10)
            // The place takes twenty calls a second; a hundred are wanted.
            tokens = min(20, tokens + 0.2)
            guard limit.permits(at: now) else { continue }
            limit.began(at: now)
            if tokens >= 1 {
                tokens -= 1
                limit.started(at: now)
                limit.ended()
                counts.accepted += 1
            } else {
                limit.refused(.rateLimited, at: now)
                counts.refused += 1
            }
        }
        #expect(counts.accepted > 600 * 20 / 2)
        #expect(counts.refused < counts.accepted / 100)
    }

    @Test func `it says when to try again`() {
        var account = Account(quota: 3)
        while account.refusals == 0 { account.create() }
        let retry = account.limit.retryTime(at: account.now)
        #expect(retry == account.now + .seconds(10))
        account.end()
        #expect(account.limit.retryTime(at: account.now) == account.now)
    }

    @Test func `limits survive a restart, what is alive is counted anew`() throws {
        var account = Account(quota: 7)
        while account.refusals == 0 { account.create() }
        let json = try JSONValue(parsing: account.limit.json.encodedBytes)
        var restored = try #require(ConcurrencyLimit(json: json, at: account.now))
        #expect(restored.limit == 7 && restored.occupied == 0)
        restored.recount(living: 7)
        #expect(!restored.permits(at: account.now))
        #expect(restored.json == json)
        #expect(try #require(ConcurrencyLimit(json: ConcurrencyLimit().json, at: account.now)).limit == nil)
        for garbage: JSONValue in [.null, [1], [1, -2, 0, 0, 0, 0, 0], ["x", 0, 0, 0, 0, 0, 0]] {
            #expect(ConcurrencyLimit(json: garbage, at: account.now) == nil)
        }
    }
}
