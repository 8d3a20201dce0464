import BenchmarkFigures
import Foundation

/// What a decision costs: time for one, and memory for what was learned. Ends with 1 if a promise was not kept.
@main
enum RoutingSpeed {
    static func main() {
        var isMissed = false
        for (name, run) in [("decisions", Decisions.run), ("history", History.run)] {
            print(name)
            for finding in run() {
                print(finding.line)
                if finding.bar?.isMet == false { isMissed = true }
            }
        }
        exit(isMissed ? 1 : 0)
    }
}
