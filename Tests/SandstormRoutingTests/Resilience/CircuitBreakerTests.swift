import SandstormCore
import SandstormRouting
import Testing

@Suite("Circuit breaker") struct CircuitBreakerTests {
    /// A breaker and the clock it lives by.
    final class Rig {
        var breaker = CircuitBreaker()
        let policy: CircuitBreaker.Policy
        var now = Moment(milliseconds: 1_000_000)
        var generator: SeededGenerator

        init(jitterPercent: Int = 0, seed: UInt64 = 1) {
            policy = CircuitBreaker.Policy(jitterPercent: jitterPercent)
            generator = SeededGenerator(seed: seed)
        }

        var state: CircuitBreaker.State { breaker.state(at: now) }
        var permits: Bool { breaker.permits(at: now, under: policy) }

        func wait(_ duration: Duration) { now = now + duration }

        func began() -> CircuitBreaker.Change? { breaker.began(at: now, under: policy) }

        @discardableResult
        func succeed(slow: Bool = false, begun: Moment? = nil) -> CircuitBreaker.Change? {
            breaker.succeeded(slow: slow, begun: begun ?? now, at: now, under: policy, using: &generator)
        }

        @discardableResult
        func fail(
            _ code: ProviderError.Code = .unavailable, retryAfter: Duration? = nil, begun: Moment? = nil
        ) -> CircuitBreaker.Change? {
            breaker.failed(code, retryAfter: retryAfter, begun: begun ?? now, at: now, under: policy, using: &generator)
        }

        @discardableResult
        func abandon(slow: Bool = false, begun: Moment? = nil) -> CircuitBreaker.Change? {
            breaker.abandoned(slow: slow, begun: begun ?? now, at: now, under: policy, using: &generator)
        }

        func open() { while state == .closed { fail() } }
    }

    @Test func `failures one after another open it, and a success in between does not count them together`() {
        let rig = Rig()
        rig.fail()
        rig.fail()
        rig.succeed()
        rig.fail()
        rig.fail()
        #expect(rig.state == .closed)
        let change = rig.fail()
        #expect(change?.cause == .consecutiveFailures)
        #expect(change?.until == rig.now + .seconds(5))
        #expect(rig.state == .open && !rig.permits)
    }

    @Test func `a high share of failures opens it, but only among enough calls`() {
        let rig = Rig()
        var change: CircuitBreaker.Change?
        for call in 0..<9 { change = call % 3 == 2 ? rig.succeed() : rig.fail() }
        #expect(rig.state == .closed)
        change = rig.fail()
        #expect(change?.cause == .failureRate)
    }

    @Test func `old calls do not count as much as new ones`() {
        let rig = Rig()
        for _ in 0..<100 { rig.succeed() }
        rig.wait(.seconds(150))
        // A hundred fade to about three in five half-lives; a failure in two is then half of what counts.
        for call in 0..<12 where rig.state == .closed {
            if call.isMultiple(of: 3) { rig.succeed() } else { rig.fail() }
        }
        #expect(rig.state == .open)
    }

    @Test func `slow calls open it, also those that nobody waited for`() {
        let rig = Rig()
        for _ in 0..<9 { rig.abandon(slow: true) }
        #expect(rig.state == .closed)
        #expect(rig.succeed(slow: true)?.cause == .slowCalls)
        let other = Rig()
        for _ in 0..<100 {
            other.abandon()
            other.succeed()
        }
        #expect(other.state == .closed)
    }

    @Test(
        "says of the place nothing that the request alone explains", arguments: [ProviderError.Code.invalid, .notFound, .unsupported])
    func mistakesOfTheCaller(code: ProviderError.Code) {
        let rig = Rig()
        for _ in 0..<100 { #expect(rig.fail(code) == nil) }
        #expect(rig.state == .closed)
        // As a probe such a call proves nothing, but it must give its slot back.
        rig.open()
        rig.wait(.seconds(5))
        for _ in 0..<10 {
            #expect(rig.permits)
            _ = rig.began()
            rig.fail(code)
        }
        #expect(rig.state == .halfOpen)
    }

    @Test(
        "no credit and wrong credentials open it at once, for longer",
        arguments: [ProviderError.Code.outOfCredit, .unauthenticated, .forbidden])
    func refusals(code: ProviderError.Code) {
        let rig = Rig()
        let change = rig.fail(code)
        #expect(change?.cause == .refused(code))
        #expect(change?.until == rig.now + .seconds(60))
        // Less is to be hoped from it than from a place that merely failed.
        let failing = Rig()
        failing.open()
        #expect((rig.breaker.reluctance(at: rig.now) ?? 0) > (failing.breaker.reluctance(at: failing.now) ?? 0))
    }

    @Test func `a time that the place asks for is honoured, whatever else happens`() {
        let rig = Rig()
        #expect(rig.fail(.rateLimited, retryAfter: .seconds(30))?.until == rig.now + .seconds(30))
        #expect(rig.breaker.reluctance(at: rig.now) == nil)
        rig.wait(.seconds(29))
        rig.fail(.rateLimited, retryAfter: .milliseconds(1), begun: rig.now + .seconds(-20))
        #expect(rig.succeed() == nil)
        #expect(!rig.permits)
        rig.wait(.seconds(1))
        #expect(rig.permits)
        // A short wait right after a long one is not believed to be the whole truth.
        _ = rig.began()
        #expect(rig.fail(.quotaExceeded, retryAfter: .milliseconds(100))?.until == rig.now + .seconds(5))
    }

    @Test func `a rate limit without a time opens it for the shortest time, a quota does not by itself`() {
        let rig = Rig()
        #expect(rig.fail(.quotaExceeded) == nil)
        #expect(rig.fail(.rateLimited)?.until == rig.now + .seconds(5))
        // The rest of the burst changes nothing.
        rig.fail(.rateLimited)
        #expect(rig.breaker.opensUntil(at: rig.now) == rig.now + .seconds(5))
    }

    @Test func `half-open lets a few through, closes after enough successes, and opens for longer after a failure`() {
        let rig = Rig()
        rig.open()
        rig.wait(.seconds(5))
        #expect(rig.state == .halfOpen && rig.permits)
        #expect(rig.began()?.to == .halfOpen)
        #expect(!rig.permits)
        #expect(rig.fail()?.until == rig.now + .seconds(10))
        rig.wait(.seconds(10))
        for last in [false, true] {
            #expect(rig.permits)
            _ = rig.began()
            rig.wait(.milliseconds(300))
            let change = rig.succeed(begun: rig.now + .milliseconds(-300))
            #expect((change?.to == .closed) == last)
        }
        #expect(rig.state == .closed)
        // Soon after, it still remembers; long after, it starts anew.
        rig.open()
        #expect(rig.breaker.opensUntil(at: rig.now) == rig.now + .seconds(20))
        rig.wait(.seconds(20))
        for _ in 0..<2 {
            _ = rig.began()
            rig.succeed()
        }
        rig.wait(.seconds(601))
        rig.open()
        #expect(rig.breaker.opensUntil(at: rig.now) == rig.now + .seconds(5))
    }

    @Test func `a slow probe is no recovery`() {
        let rig = Rig()
        rig.open()
        rig.wait(.seconds(5))
        _ = rig.began()
        #expect(rig.succeed(slow: true)?.cause == .probeSlow)
        rig.wait(.seconds(10))
        _ = rig.began()
        #expect(rig.abandon(slow: true)?.cause == .probeSlow)
    }

    @Test func `what began before it opened says nothing of the time after`() {
        let rig = Rig()
        let before = rig.now
        rig.wait(.seconds(1))
        rig.open()
        let until = rig.breaker.opensUntil(at: rig.now)
        rig.fail(begun: before)
        rig.succeed(begun: before)
        #expect(rig.breaker.opensUntil(at: rig.now) == until)
        rig.wait(.seconds(5))
        _ = rig.began()
        rig.succeed(begun: before)
        rig.succeed(begun: before)
        #expect(rig.fail(.timedOut, begun: before) == nil)
        #expect(rig.state == .halfOpen && !rig.permits, "the probe's slot is still taken")
    }

    @Test func `a probe that seems to have begun a little early is one all the same`() {
        let rig = Rig()
        rig.open()
        rig.wait(.seconds(5))
        for last in [false, true] {
            _ = rig.began()
            #expect(!rig.permits)
            rig.wait(.milliseconds(300))
            let change = rig.succeed(begun: rig.now + .milliseconds(-340))
            #expect((change?.to == .closed) == last)
            #expect(rig.permits)
        }
    }

    @Test func `a probe of which nobody speaks again does not block the way for ever`() {
        let rig = Rig()
        rig.open()
        rig.wait(.seconds(5))
        let lost = rig.now
        _ = rig.began()
        rig.wait(.seconds(120))
        #expect(!rig.permits)
        rig.wait(.milliseconds(1))
        #expect(rig.permits)
        _ = rig.began()
        #expect(!rig.permits)
        // If it is heard of after all, it does not give back the slot of the next.
        rig.abandon(begun: lost)
        #expect(!rig.permits)
    }

    @Test func `a call that went well although it was open ends the opening`() {
        let rig = Rig()
        rig.open()
        #expect(rig.breaker.reluctance(at: rig.now) == 5000)
        rig.wait(.seconds(1))
        #expect(rig.began() == nil)
        let change = rig.succeed()
        #expect(change?.to == .halfOpen && change?.cause == .unexpectedSuccess)
        _ = rig.began()
        #expect(rig.succeed()?.to == .closed)
    }

    @Test func `openings end at different times`() {
        var ends: Set<Moment> = []
        for seed in 0..<50 {
            let rig = Rig(jitterPercent: 25, seed: UInt64(seed))
            rig.open()
            let end = rig.breaker.opensUntil(at: rig.now) ?? rig.now
            #expect(end >= rig.now + .seconds(5) && end <= rig.now + .milliseconds(6250))
            ends.insert(end)
        }
        #expect(ends.count > 25)
    }

    @Test func `it survives a restart, and a clock that was put back`() throws {
        let rig = Rig()
        rig.fail(.outOfCredit)
        let json = try JSONValue(parsing: rig.breaker.json.encodedBytes)
        var restored = try #require(CircuitBreaker(json: json, at: rig.now + .seconds(30)))
        #expect(restored.state(at: rig.now + .seconds(59)) == .open)
        #expect(restored.state(at: rig.now + .seconds(60)) == .halfOpen)
        #expect(restored.json == json)
        restored = try #require(CircuitBreaker(json: json, at: Moment(milliseconds: -1_000_000_000)))
        #expect(restored.state(at: Moment(milliseconds: -1_000_000_000) + .seconds(2 * 86_400)) == .halfOpen)
        for garbage: JSONValue in [.null, [], [1, 2, 3], "x", [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, -7, 0, 0, 0, 0, 0, 0]] {
            #expect(CircuitBreaker(json: garbage, at: rig.now) == nil)
        }
    }

    @Test func `it is small`() { #expect(MemoryLayout<CircuitBreaker>.size <= 160) }
}
