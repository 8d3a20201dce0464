import SandstormCore
import SandstormRouting
import Testing

@Suite("Arrival forecast") struct ArrivalForecastTests {
    /// Busy from nine to five on weekdays.
    private static func office(_ day: Int, _ hour: Double) -> Double { day % 7 < 5 && (9..<17).contains(hour) ? 600 : 12 }

    private func isNear(_ value: Double, _ expected: Double, within factor: Double) -> Bool {
        value <= expected * factor && value >= expected / factor
    }

    @Test(arguments: 1...3) func `the waves of two weeks are foreseen before they come`(seed: UInt64) {
        var traffic = Traffic(seed: seed, rate: ArrivalForecastTests.office)
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(14 * 86_400), into: &forecast)
        // It is Monday's midnight again: nothing has come for hours, and the day lies ahead.
        func perHour(_ day: Int, _ hour: Int) -> Double {
            forecast.rate(at: traffic.now + .seconds(day * 86_400 + hour * 3600), for: .seconds(3600)).perHour
        }
        for day in 0..<7 {
            for hour in [0, 3, 8, 9, 12, 16, 17, 22] {
                let truth = ArrivalForecastTests.office(day, Double(hour))
                #expect(isNear(perHour(day, hour), truth, within: truth > 100 ? 1.25 : 2), "day \(day), \(hour):00: \(perHour(day, hour))")
            }
        }
        // A span over the begin of the wave has its share of it.
        let half = forecast.rate(at: traffic.now + .seconds(8 * 3600 + 1800), for: .seconds(3600))
        #expect(isNear(half.expected, 306, within: 1.25))
        #expect(half.variance >= half.expected)
    }

    @Test(arguments: 1...3) func `what is known of weekdays serves a weekday that was not seen`(seed: UInt64) {
        var traffic = Traffic(seed: seed, rate: ArrivalForecastTests.office)
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(3 * 86_400), into: &forecast)
        let thursday = forecast.rate(at: traffic.now + .seconds(12 * 3600), for: .seconds(3600)).perHour
        #expect(isNear(thursday, 600, within: 1.3))
        let night = forecast.rate(at: traffic.now + .seconds(3 * 3600), for: .seconds(3600)).perHour
        #expect(night < 40)
    }

    @Test(arguments: 1...5) func `a surge is followed within tens of arrivals, and so is its end`(seed: UInt64) {
        var traffic = Traffic(seed: seed) { _, _ in 300 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(2 * 86_400), into: &forecast)
        #expect(isNear(forecast.rate(at: traffic.now, for: .seconds(60)).perHour, 300, within: 1.5))
        traffic.rate = { _, _ in 3000 }
        let before = traffic.arrivals
        var needed: Int?
        for _ in 0..<60 where needed == nil {
            traffic.pass(.seconds(2), into: &forecast)
            if forecast.rate(at: traffic.now, for: .seconds(10)).perHour > 1500 { needed = traffic.arrivals - before }
        }
        #expect(needed.map { $0 <= 70 } == true, "\(needed ?? -1) arrivals")
        traffic.pass(.seconds(300), into: &forecast)
        #expect(isNear(forecast.rate(at: traffic.now, for: .seconds(10)).perHour, 3000, within: 1.6))
        // It is not taken for tomorrow's.
        #expect(forecast.rate(at: traffic.now + .seconds(12 * 3600), for: .seconds(3600)).perHour < 900)
        traffic.rate = { _, _ in 300 }
        traffic.pass(.seconds(240), into: &forecast)
        #expect(forecast.rate(at: traffic.now, for: .seconds(10)).perHour < 800)
    }

    @Test(arguments: 1...5) func `a quiet spell is noticed when tens of arrivals have stayed away`(seed: UInt64) {
        var traffic = Traffic(seed: seed) { _, _ in 360 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(2 * 86_400), into: &forecast)
        traffic.rate = { _, _ in 0 }
        // Thirty would have come.
        traffic.pass(.seconds(300), into: &forecast)
        #expect(forecast.rate(at: traffic.now, for: .seconds(60)).perHour < 180)
        traffic.pass(.seconds(600), into: &forecast)
        #expect(forecast.rate(at: traffic.now, for: .seconds(60)).perHour < 40)
        traffic.rate = { _, _ in 360 }
        traffic.pass(.seconds(900), into: &forecast)
        #expect(isNear(forecast.rate(at: traffic.now, for: .seconds(60)).perHour, 360, within: 1.6))
    }

    @Test(arguments: 1...3) func `what nobody ever asked for before surges as well`(seed: UInt64) {
        var traffic = Traffic(seed: seed) { _, _ in 0 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(3 * 86_400), into: &forecast)
        #expect(forecast.rate(at: traffic.now, for: .seconds(3600)).expected < 0.1)
        traffic.rate = { _, _ in 720 }
        traffic.pass(.seconds(180), into: &forecast)
        #expect(forecast.rate(at: traffic.now, for: .seconds(10)).perHour > 200)
    }

    @Test(arguments: 1...3) func `a wave that moves is found at its new hour within two weeks`(seed: UInt64) {
        var traffic = Traffic(seed: seed) { _, hour in (9..<11).contains(hour) ? 400 : 10 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(21 * 86_400), into: &forecast)
        traffic.rate = { _, hour in (14..<16).contains(hour) ? 400 : 10 }
        traffic.pass(.seconds(14 * 86_400), into: &forecast)
        func perHour(_ hour: Int) -> Double { forecast.rate(at: traffic.now + .seconds(hour * 3600), for: .seconds(3600)).perHour }
        #expect(perHour(14) > 2 * perHour(9))
        #expect(perHour(14) > 220)
        traffic.pass(.seconds(14 * 86_400), into: &forecast)
        #expect(perHour(14) > 5 * perHour(9))
    }

    @Test func `a gap is not a time without arrivals`() {
        var traffic = Traffic(seed: 1) { _, _ in 120 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(7 * 86_400), into: &forecast)
        let before = forecast.rate(at: traffic.now, for: .seconds(3600)).expected
        traffic.skip(.seconds(3 * 86_400))
        forecast.advance(to: traffic.now)
        let after = forecast.rate(at: traffic.now, for: .seconds(3600)).expected
        #expect(isNear(after, before, within: 1.35))
        #expect(isNear(forecast.rate(at: traffic.now + .seconds(-86_400), for: .seconds(3600)).expected, before, within: 1.35))
        // The same time, watched, is one.
        traffic.rate = { _, _ in 0 }
        traffic.pass(.seconds(3 * 86_400), into: &forecast)
        #expect(forecast.rate(at: traffic.now + .seconds(-86_400), for: .seconds(3600)).expected < before / 2)
    }

    @Test func `bursts make it less certain than chance does`() {
        var even = ArrivalForecast()
        var uneven = ArrivalForecast()
        var now = Traffic.monday
        for second in 0..<86_400 {
            now = now + .seconds(1)
            if second % 20 == 0 { even.record(at: now) }
            // As many, twelve at a time.
            if second % 240 == 0 { for _ in 0..<12 { uneven.record(at: now) } }
            even.advance(to: now)
            uneven.advance(to: now)
        }
        let (quiet, wild) = (even.rate(at: now, for: .seconds(20)), uneven.rate(at: now, for: .seconds(20)))
        #expect(isNear(quiet.expected, 1, within: 1.4) && isNear(wild.expected, 1, within: 2))
        #expect(wild.variance > 4 * quiet.variance)
        #expect(wild.quantile(0.95) > quiet.quantile(0.95))
    }

    @Test func `what was learned survives being kept`() throws {
        var traffic = Traffic(seed: 4, rate: ArrivalForecastTests.office)
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(8 * 86_400 + 1000), into: &forecast)
        let json = forecast.json
        #expect(json.encoded.utf8.count < 12_000)
        var kept = try #require(ArrivalForecast(json: try JSONValue(parsing: json.encoded)))
        kept.advance(to: traffic.now)
        for hour in 0..<168 {
            let moment = traffic.now + .seconds(hour * 3600)
            let (before, after) = (forecast.rate(at: moment, for: .seconds(600)), kept.rate(at: moment, for: .seconds(600)))
            #expect(isNear(after.expected, before.expected, within: 1.001), "in \(hour) hours")
            #expect(isNear(after.variance, before.variance, within: 1.001), "in \(hour) hours")
        }
        for text in [#"{}"#, #"[]"#, #"{"slots":[[0,0,-1,0]]}"#] { #expect(ArrivalForecast(json: try JSONValue(parsing: text)) == nil) }
        for key in ["slots", "hour", "level", "surge", "lull", "bursts", "misses"] {
            var object = try #require(json.objectValue)
            object[key] = .array([.string("x")])
            #expect(ArrivalForecast(json: .object(object)) == nil)
        }
    }

    @Test func `a surge is over when the process was away for hours, and goes on when it was for a minute`() throws {
        var traffic = Traffic(seed: 3) { _, _ in 60 }
        var forecast = ArrivalForecast()
        traffic.pass(.seconds(86_400), into: &forecast)
        traffic.rate = { _, _ in 3000 }
        traffic.pass(.seconds(300), into: &forecast)
        for (away, isOver) in [(60, false), (4 * 3600, true)] {
            var kept = try #require(ArrivalForecast(json: forecast.json))
            kept.advance(to: traffic.now + .seconds(away))
            let perHour = kept.rate(at: traffic.now + .seconds(away), for: .seconds(10)).perHour
            #expect(isOver ? perHour < 300 : perHour > 1500)
        }
    }

    @Test func `times that run backwards or lie far away break nothing`() {
        var forecast = ArrivalForecast()
        for milliseconds in [Int64(5), 0, -10_000_000_000, 4_000_000_000_000, 3_999_999_999_000, 1_767_571_200_000] {
            forecast.record(at: Moment(milliseconds: milliseconds))
            let rate = forecast.rate(at: Moment(milliseconds: milliseconds), for: .seconds(3600))
            #expect(rate.expected.isFinite && rate.expected >= 0 && rate.variance >= rate.expected)
        }
        #expect(forecast.rate(at: Traffic.monday, for: .zero).expected == 0)
    }
}

@Suite("Arrival rate") struct ArrivalRateTests {
    @Test func `chances are those of Poisson where that is all the variance`() {
        let chances = ArrivalRate(expected: 2, variance: 2, horizon: .seconds(1)).chances(upTo: 4)
        for (chance, truth) in zip(chances, [0.864665, 0.593994, 0.323324, 0.142877]) { #expect(abs(chance - truth) < 1e-5) }
    }

    @Test func `chances are those of the negative binomial where there is more`() {
        // Of shape 1 it is geometric: each further one half as likely.
        let chances = ArrivalRate(expected: 1, variance: 2, horizon: .seconds(1)).chances(upTo: 5)
        for (chance, truth) in zip(chances, [0.5, 0.25, 0.125, 0.0625, 0.03125]) { #expect(abs(chance - truth) < 1e-9) }
        #expect(ArrivalRate(expected: 1, variance: 2, horizon: .seconds(1)).quantile(0.9) == 3)
    }

    @Test func `large and small rates are no trouble`() {
        #expect(ArrivalRate(expected: 5000, variance: 5000, horizon: .seconds(1)).chances(upTo: 64).allSatisfy { $0 == 1 })
        #expect(ArrivalRate(expected: 0, variance: 0, horizon: .seconds(1)).chances(upTo: 3) == [0, 0, 0])
        let rare = ArrivalRate(expected: 1e-9, variance: 1e-9, horizon: .seconds(1)).chances(upTo: 2)
        #expect(abs(rare[0] - 1e-9) < 1e-12 && rare[1] < 1e-12)
    }
}
