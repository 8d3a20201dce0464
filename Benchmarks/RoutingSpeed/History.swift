import BenchmarkFigures
import Foundation
import SandstormCore
import SandstormRouting

/// What a router holds in memory after many outcomes, which must not depend on how many there were.
enum History {
    private static let few = 10_000
    private static let many = 1_000_000

    static func run() -> [Finding] {
        let before = resident
        var router = Router(seed: 1)
        let table = router.table(of: Market.providers(50))
        var now = Moment(milliseconds: 1_772_438_400_000)
        func learn(_ numbers: Range<Int>) {
            for number in numbers {
                now = now + .milliseconds(50)
                router.learnSomething(number, offer: number * 7 % 50, of: table, at: now)
            }
        }
        // Every offer has been seen with every kind of work by then: what grows afterwards grows with history.
        learn(0..<few)
        learn(few..<5 * few)
        let early = resident
        let clock = ContinuousClock()
        let begin = clock.now
        learn(5 * few..<many)
        let each = begin.duration(to: clock.now).inSeconds / Double(many - 5 * few) * 1e9
        let late = resident
        // Alive until here, so that what is measured is there.
        let ranking = router.rank(Market.request(.cheapest), among: table, at: now)
        return [
            Finding(
                "resident memory of 1,000,000 outcomes", inMiB(late - before), bar: ("≤ 20 MB", late - before <= 20_000_000)),
            Finding("growth from 50,000 to 1,000,000 outcomes", inMiB(late - early), bar: ("≤ 1 MB", late - early <= 1_000_000)),
            Finding("one outcome is learned in", "\(Int(each)) ns (\(ranking.entries.count) offers kept)"),
        ]
    }

    private static func inMiB(_ bytes: Int) -> String { "\((Double(bytes) / 1e6).rounded(to: 2)) MB" }

    /// Bytes of this process in memory; 0 where the system doesn't tell.
    private static var resident: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
