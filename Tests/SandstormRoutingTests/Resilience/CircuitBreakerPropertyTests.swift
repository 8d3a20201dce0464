import SandstormCore
import SandstormRouting
import Testing

/// Random calls, endings and times, against what must hold whatever happens.
@Suite("Circuit breaker, whatever happens") struct CircuitBreakerPropertyTests {
    struct Call {
        var begun: Moment
        /// Let through as a probe of the half-open time of this number.
        var phase: Int?
    }

    @Test(arguments: 0..<60) func `invariants`(seed: Int) {
        var chance = SeededGenerator(seed: UInt64(seed))
        var jitter = SeededGenerator(seed: ~UInt64(seed))
        let policy = CircuitBreaker.Policy(
            consecutiveFailures: Int.random(in: 1...5, using: &chance), probes: Int.random(in: 1...4, using: &chance),
            successes: Int.random(in: 1...4, using: &chance), probeLife: .seconds(40))
        let badness = Double.random(in: 0.05...0.9, using: &chance)
        var breaker = CircuitBreaker()
        var now = Moment(milliseconds: Int64.random(in: 0...2_000_000_000_000, using: &chance))
        var calls: [Call] = []
        var phase = 0
        var asked = now
        var openUntil: Moment?
        var openings = 0
        // Calls that were made although it was open. If one of them ends the opening, the others can't be told from probes.
        var strays = 0
        var isEndedEarly = false

        func note(_ change: CircuitBreaker.Change?, before: CircuitBreaker.State, of call: Call? = nil) {
            guard let change else { return }
            #expect(change.to == breaker.state(at: now))
            #expect(change.from != change.to)
            switch change.to {
            case .open:
                #expect(before != .open)
                phase += 1
                openings += 1
                strays = 0
                isEndedEarly = false
                openUntil = change.until
                #expect((change.until ?? now) > now)
            case .halfOpen:
                if change.cause == .unexpectedSuccess {
                    openUntil = nil
                    isEndedEarly = true
                }
            case .closed: openUntil = nil
            }
        }

        for _ in 0..<4000 {
            now =
                now
                + .milliseconds(
                    chance.next() % 50 == 0 ? Int.random(in: 0...90_000, using: &chance) : Int.random(in: 0...400, using: &chance))
            let before = breaker.state(at: now)
            if now < asked {
                #expect(!breaker.permits(at: now, under: policy), "earlier than asked")
                #expect(breaker.reluctance(at: now) == nil)
            }
            if let until = openUntil, now < until { #expect(before == .open, "closed by itself") }
            // From whatever state, time alone leads out of open.
            if let until = breaker.opensUntil(at: now) {
                #expect(breaker.state(at: until) == .halfOpen)
                #expect(breaker.permits(at: until, under: policy))
                #expect(until <= max(now + .seconds(900 + 225), asked))
            }
            let forced = chance.next() % 40 == 0 && breaker.reluctance(at: now) != nil
            if chance.next() % 2 == 0 {
                let permitted = breaker.permits(at: now, under: policy)
                if permitted || forced {
                    note(breaker.began(at: now, under: policy), before: before)
                    calls.append(Call(begun: now, phase: permitted && before == .halfOpen ? phase : nil))
                    let probes = calls.filter { $0.phase == phase && now.milliseconds - $0.begun.milliseconds <= 40_000 }
                    if !permitted, before == .open { strays += 1 }
                    #expect(probes.count <= policy.limitOfProbes + (isEndedEarly ? strays : 0))
                }
            } else if !calls.isEmpty {
                let call = calls.remove(at: Int.random(in: 0..<calls.count, using: &chance))
                if chance.next() % 100 == 0 { continue }
                if Double.random(in: 0..<1, using: &chance) >= badness {
                    let slow = chance.next() % 5 == 0
                    note(
                        chance.next() % 8 == 0
                            ? breaker.abandoned(slow: slow, begun: call.begun, at: now, under: policy, using: &jitter)
                            : breaker.succeeded(slow: slow, begun: call.begun, at: now, under: policy, using: &jitter), before: before)
                } else {
                    let code = ProviderError.Code.allCases.randomElement(using: &chance)!
                    let retryAfter: Duration? = chance.next() % 10 == 0 ? .milliseconds(Int.random(in: 0...60_000, using: &chance)) : nil
                    let change = breaker.failed(code, retryAfter: retryAfter, begun: call.begun, at: now, under: policy, using: &jitter)
                    note(change, before: before)
                    if !code.speaksAgainstPlace { #expect(change == nil) }
                    if let retryAfter, code.speaksAgainstPlace {
                        asked = max(asked, now + retryAfter)
                        if let until = openUntil { openUntil = max(until, asked) }
                        if retryAfter > .zero { #expect(breaker.state(at: now) == .open) }
                    }
                }
            }
        }
        #expect(openings > 0)

        // Whatever happened: wait, let the probes go well, and it is closed after just enough of them.
        if let until = breaker.opensUntil(at: now) { now = until }
        now = now + .seconds(41)
        var succeeded = 0
        while breaker.state(at: now) != .closed {
            #expect(breaker.permits(at: now, under: policy))
            _ = breaker.began(at: now, under: policy)
            _ = breaker.succeeded(begun: now, at: now, under: policy, using: &jitter)
            succeeded += 1
            guard succeeded <= 4 else { break }
        }
        #expect(succeeded <= policy.limitOfSuccesses)
        #expect(breaker.state(at: now) == .closed)
    }
}
