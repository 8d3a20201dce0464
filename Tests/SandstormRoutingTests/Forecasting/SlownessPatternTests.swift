import SandstormCore
import SandstormRouting
import Testing

@Suite("Slowness pattern") struct SlownessPatternTests {
    /// Starts of so many hours, from a Monday's midnight on.
    private func learn(
        _ pattern: inout SlownessPattern, hours: Range<Int>, perHour: Int = 20, seed: UInt64 = 1, usual: Double = 0.4,
        factor: (_ day: Int, _ hour: Int) -> Double
    ) {
        var chance = SeededGenerator(seed: seed)
        for hour in hours {
            for number in 0..<perHour {
                let now = Traffic.monday + .seconds(hour * 3600 + number * 3600 / perHour)
                let noise = Double.random(in: 0.7...1.4, using: &chance)
                pattern.record(
                    startup: .seconds(usual * noise * factor(hour / 24, hour % 24)), expected: .seconds(0.4), at: now)
            }
        }
    }

    private func factor(_ pattern: SlownessPattern, _ day: Int, _ hour: Int) -> Double {
        pattern.factor(at: Traffic.monday + .seconds(day * 86_400 + hour * 3600 + 1234))
    }

    @Test(arguments: 1...4) func `slow afternoons are known after two weeks, and other hours are not blamed`(seed: UInt64) {
        var pattern = SlownessPattern()
        let truth = { (day: Int, hour: Int) in day % 7 < 5 && (14..<17).contains(hour) ? 2.0 : 1.0 }
        learn(&pattern, hours: 0..<336, seed: seed, factor: truth)
        for hour in 14..<17 {
            let slow = factor(pattern, 15, hour)
            #expect((1.45...2.1).contains(slow), "\(hour): \(slow)")
            #expect(slow > 1.25 * factor(pattern, 19, hour))
        }
        for hour in [0, 5, 9, 12, 20] { #expect((0.8...1.15).contains(factor(pattern, 15, hour))) }
    }

    @Test func `one bad afternoon is no pattern`() {
        var pattern = SlownessPattern()
        learn(&pattern, hours: 0..<24) { _, _ in 1 }
        learn(&pattern, hours: 24..<48, perHour: 1000) { _, hour in (14..<17).contains(hour) ? 6 : 1 }
        #expect(factor(pattern, 2, 15) < 2)
        learn(&pattern, hours: 48..<336) { _, _ in 1 }
        #expect(factor(pattern, 15, 15) < 1.35)
    }

    @Test func `a few starts say next to nothing`() {
        var pattern = SlownessPattern()
        #expect(pattern.factor(at: Traffic.monday) == 1)
        learn(&pattern, hours: 0..<48, perHour: 1) { _, hour in hour == 15 ? 5 : 1 }
        #expect((0.9...1.3).contains(factor(pattern, 2, 15)))
    }

    @Test func `a wrong expectation cancels out`() {
        var pattern = SlownessPattern()
        learn(&pattern, hours: 0..<336, usual: 1.2) { _, hour in hour == 3 ? 3 : 1 }
        #expect(factor(pattern, 14, 3) > 1.8)
        #expect((0.8...1.15).contains(factor(pattern, 14, 12)))
    }

    @Test func `a place that has become slower altogether has no slow hours`() {
        var pattern = SlownessPattern()
        learn(&pattern, hours: 0..<170) { _, _ in 1 }
        learn(&pattern, hours: 170..<336) { _, _ in 3 }
        for hour in 0..<24 { #expect((0.7...1.45).contains(factor(pattern, 14, hour)), "\(hour): \(factor(pattern, 14, hour))") }
    }

    @Test func `nonsense changes nothing`() {
        var pattern = SlownessPattern()
        for hour in 0..<100 {
            let now = Traffic.monday + .seconds(hour * 3600)
            pattern.record(startup: .seconds(-1), expected: .seconds(1), at: now)
            pattern.record(startup: .seconds(1), expected: .zero, at: now)
        }
        #expect(pattern == SlownessPattern())
        // Neither does one absurd start by much.
        learn(&pattern, hours: 0..<48) { _, _ in 1 }
        pattern.record(startup: .seconds(1e9), expected: .seconds(0.4), at: Traffic.monday + .seconds(48 * 3600))
        learn(&pattern, hours: 49..<50) { _, _ in 1 }
        #expect(factor(pattern, 2, 0) < 1.5)
        #expect(pattern.factor(at: Moment(milliseconds: -5)).isFinite)
    }

    @Test func `what was learned survives being kept`() throws {
        var pattern = SlownessPattern()
        learn(&pattern, hours: 0..<300) { _, hour in hour == 3 ? 3 : 1 }
        let text = pattern.json.encoded
        #expect(text.utf8.count < 4000)
        let kept = try #require(SlownessPattern(json: try JSONValue(parsing: text)))
        for hour in 0..<168 { #expect(abs(factor(kept, hour / 24, hour % 24) - factor(pattern, hour / 24, hour % 24)) < 1e-4) }
        for wrong in [#"{}"#, #"{"slots":[1],"hour":0,"state":[0,0,0,0]}"#] {
            #expect(SlownessPattern(json: try JSONValue(parsing: wrong)) == nil)
        }
    }
}
