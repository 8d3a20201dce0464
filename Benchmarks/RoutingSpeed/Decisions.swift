import BenchmarkFigures
import SandstormCore
import SandstormRouting

/// How long one decision takes, of a router that knows something of every offer.
enum Decisions {
    static func run() -> [Finding] {
        let few = Figures(times(among: 50, decisions: 20_000) { Market.request($0 % 2 == 0 ? .cheapest : .fastest, workload: $0) })
        let many = Figures(
            times(among: 10_000, decisions: 2000) { number in
                Market.request(number % 2 == 0 ? .cheapest : .fastest, region: Market.regions[number % Market.regions.count])
            })
        return [
            Finding("one of 50 offers, median", inMicroseconds(few.median), bar: ("≤ 10 µs", few.median <= .microseconds(10))),
            Finding("p99", inMicroseconds(few.percentile(99))),
            Finding(
                "one of 10,000 offers in 50 regions, within one region, median", inMicroseconds(many.median),
                bar: ("≤ 300 µs", many.median <= .microseconds(300))),
            Finding("p99", inMicroseconds(many.percentile(99))),
        ]
    }

    private static func inMicroseconds(_ time: Duration) -> String { "\((time.inSeconds * 1e6).rounded(to: 2)) µs" }

    private static func times(among count: Int, decisions: Int, _ request: (Int) -> RoutingRequest) -> [Duration] {
        var router = Router(seed: 1)
        let table = router.table(of: Market.providers(count))
        var now = Moment(milliseconds: 1_772_438_400_000)
        for number in 0..<max(10_000, count * 3) {
            now = now + .milliseconds(10)
            router.learnSomething(number, offer: number % count, of: table, at: now)
        }
        let clock = ContinuousClock()
        var kept = 0
        let times = (0..<decisions).map { number in
            let asked = request(number)
            now = now + .milliseconds(10)
            let begin = clock.now
            let ranking = router.rank(asked, among: table, at: now)
            let time = begin.duration(to: clock.now)
            kept += ranking.entries.count
            return time
        }
        precondition(kept > 0, "the router kept no offer at all")
        return times
    }
}

extension Router {
    /// One run's whole life: begun, started or failed, ended.
    mutating func learnSomething(_ number: Int, offer: Int, of table: OfferTable, at now: Moment) {
        let workload = Market.workloads[number % Market.workloads.count]
        began(offer, of: table, at: now)
        if number % 50 == 49 {
            record(Observation(offer: offer, workload: workload, .failed(.unavailable, after: .milliseconds(800))), among: table, at: now)
            return
        }
        let start = Duration.milliseconds(300 + number * 31 % 400)
        record(Observation(offer: offer, workload: workload, .started(after: start)), among: table, at: now)
        record(Observation(offer: offer, workload: workload, .finished(after: .seconds(5 + number % 20))), among: table, at: now)
    }
}
