import SandstormCore
import SandstormTestSupport
import Testing

@Suite("Alarms") struct AlarmTests {
    @Test func `each rings once, in whatever order they were set, and never early`() async {
        let alarms = Alarms()
        let rung = Locked<[Int: [ContinuousClock.Instant]]>([:])
        let start = ContinuousClock.now
        let delays = [300, 0, 120, 10, 120, 60, -5]
        for (number, delay) in delays.enumerated() {
            _ = alarms.set(at: start + .milliseconds(delay)) {
                let now = ContinuousClock.now
                rung.withLock { $0[number, default: []].append(now) }
            }
        }
        #expect(await eventually { rung.withLock { $0.count } == delays.count })
        for (number, delay) in delays.enumerated() {
            let times = rung.withLock { $0[number] ?? [] }
            #expect(times.count == 1)
            #expect(times.allSatisfy { $0 >= start + .milliseconds(delay) })
        }
        #expect(alarms.count == 0)
    }

    @Test func `one that is called off never rings and is let go of at once`() async {
        final class Held: Sendable {}
        let alarms = Alarms()
        let rings = Locked(0)
        weak var held: Held?
        do {
            let strong = Held()
            held = strong
            let alarm = alarms.set(at: .now + .milliseconds(50)) {
                _ = strong
                rings.withLock { $0 += 1 }
            }
            alarm.cancel()
            alarm.cancel()
        }
        #expect(held == nil)
        #expect(alarms.count == 0)
        // One that is later shows that the time of the other has passed.
        _ = alarms.set(at: .now + .milliseconds(100)) { rings.withLock { $0 += 100 } }
        #expect(await eventually { rings.withLock { $0 } == 100 })
    }

    @Test func `an alarm that is nearer than all others is not kept waiting by them`() async {
        let alarms = Alarms()
        let rung = Locked(false)
        let far = alarms.set(at: .now + .seconds(3600)) {}
        _ = alarms.set(at: .now + .milliseconds(20)) { rung.withLock { $0 = true } }
        #expect(await eventually { rung.withLock { $0 } })
        #expect(alarms.count == 1)
        // And the far one is still waited for after that.
        _ = alarms.set(at: .now + .milliseconds(20)) { rung.withLock { $0 = false } }
        #expect(await eventually { rung.withLock { !$0 } })
        far.cancel()
        #expect(alarms.count == 0)
    }

    @Test func `many tasks set and cancel at once`() async {
        let alarms = Alarms()
        let rings = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for number in 0..<1000 {
                        let alarm = alarms.set(at: .now + .milliseconds((task * number) % 40)) { rings.withLock { $0 += 1 } }
                        if number % 2 == 0 { alarm.cancel() }
                    }
                }
            }
        }
        #expect(await eventually { alarms.count == 0 })
        #expect(rings.withLock { $0 } >= 4000)
    }
}
