import BenchmarkFigures
import Foundation

/// What a decision costs: time for one, and memory for what was learned. Ends with 1 if a promise was not kept.
@main
enum RoutingSpeed {
    static func main() {
        var isMissed = false
        // History first: what a decision leaves free would hide what an outcome takes.
        for (name, run) in [("history", History.run), ("decisions", Decisions.run)] {
            print(name)
            for finding in run() {
                print(finding.line)
                if finding.bar?.isMet == false { isMissed = true }
            }
        }
        exit(isMissed ? 1 : 0)
    }
}
