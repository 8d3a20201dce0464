import SandstormCore
import SandstormRouting

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Arrivals by chance, at a rate that changes with time.
struct Traffic {
    /// A Monday's midnight.
    static let monday = Moment(milliseconds: 1_767_571_200_000)

    private var chance: SeededGenerator
    /// Per hour.
    var rate: (_ day: Int, _ hour: Double) -> Double
    private(set) var now: Moment
    private(set) var arrivals = 0

    init(seed: UInt64, from start: Moment = Traffic.monday, rate: @escaping (_ day: Int, _ hour: Double) -> Double) {
        chance = SeededGenerator(seed: seed)
        self.rate = rate
        now = start
    }

    /// Time passes, in steps of ten seconds.
    mutating func pass(
        _ time: Duration, into forecast: inout ArrivalForecast, each step: (Moment, inout ArrivalForecast) -> Void = { _, _ in }
    ) {
        let end = now + time
        while now < end {
            let next = min(now + .seconds(10), end)
            let since = Double(now.milliseconds - Traffic.monday.milliseconds) / 86_400_000
            let day = Int(since)
            let mean = rate(day, (since - Double(day)) * 24) * (next - now).inSeconds / 3600
            let times = (0..<poisson(mean)).map { _ in Int64.random(in: now.milliseconds..<next.milliseconds, using: &chance) }.sorted()
            for time in times {
                forecast.record(at: Moment(milliseconds: time))
                arrivals += 1
            }
            forecast.advance(to: next)
            now = next
            step(now, &forecast)
        }
    }

    mutating func skip(_ time: Duration) { now = now + time }

    private mutating func poisson(_ mean: Double) -> Int {
        var (count, product) = (0, Double.random(in: 0..<1, using: &chance))
        while product > exp(-mean) {
            count += 1
            product *= Double.random(in: 0..<1, using: &chance)
        }
        return count
    }
}
