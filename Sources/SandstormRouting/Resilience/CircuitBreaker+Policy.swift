import SandstormCore

extension CircuitBreaker {
    /// When breakers open, and for how long. One policy serves many breakers.
    package struct Policy: Hashable, Sendable {
        let minimumCalls: Double
        let failureRate: Double
        let slowRate: Double
        let consecutiveFailures: Int32
        let probes: Int32
        let successes: Int32
        let jitterPercent: Int64
        /// All in milliseconds.
        let probeLife: Int64
        let forgetAfter: Int64
        private let shortest: Int64
        private let longest: Int64
        private let shortestRefusal: Int64
        private let longestRefusal: Int64
        let halfLife: HalfLife

        /// - Parameters:
        ///   - failurePercent: the share of failures among recent calls that opens it, once there were `minimumCalls`.
        ///   - slowPercent: the same for slow calls.
        ///   - consecutiveFailures: so many failures without a success in between open it, however few calls there were.
        ///   - halfLife: how fast calls cease to count as recent.
        ///   - openTime: from the first opening to the longest; doubles with each.
        ///   - refusalTime: the same after errors that no retry mends: no credit, wrong credentials.
        ///   - jitterPercent: how much longer it may by chance stay open than that.
        ///   - probes: how many calls may be under way at once while it is half-open.
        ///   - successes: how many of them close it.
        ///   - probeLife: after so long a probe that nobody spoke of again no longer counts as under way.
        ///   - forgetAfter: so long closed, and the next opening is again as short as the first.
        package init(
            failurePercent: Int = 50, slowPercent: Int = 70, minimumCalls: Int = 10, consecutiveFailures: Int = 3,
            halfLife: Duration = .seconds(30), openTime: ClosedRange<Duration> = .seconds(5) ... .seconds(20),
            refusalTime: ClosedRange<Duration> = .seconds(60) ... .seconds(900), jitterPercent: Int = 25, probes: Int = 1,
            successes: Int = 2, probeLife: Duration = .seconds(120), forgetAfter: Duration = .seconds(600)
        ) {
            self.minimumCalls = Double(max(1, minimumCalls))
            self.failureRate = Double(failurePercent) / 100
            self.slowRate = Double(slowPercent) / 100
            self.consecutiveFailures = Int32(clamping: max(1, consecutiveFailures))
            self.halfLife = HalfLife(halfLife)
            (shortest, longest) = Policy.milliseconds(openTime)
            (shortestRefusal, longestRefusal) = Policy.milliseconds(refusalTime)
            self.jitterPercent = Int64(min(max(0, jitterPercent), 100))
            self.probes = Int32(clamping: max(1, probes))
            self.successes = Int32(clamping: max(1, successes))
            self.probeLife = max(1, probeLife.wholeMilliseconds)
            self.forgetAfter = max(0, forgetAfter.wholeMilliseconds)
        }

        /// How many probes may be under way at once.
        package var limitOfProbes: Int { Int(probes) }
        /// How many successes close it.
        package var limitOfSuccesses: Int { Int(successes) }

        package static let standard = Policy()

        /// How long the opening after so many others lasts at least.
        func openTime(_ openings: Int32) -> Int64 { Policy.doubled(shortest, openings, longest) }

        func refusalTime(_ openings: Int32) -> Int64 { Policy.doubled(shortestRefusal, openings, longestRefusal) }

        private static func doubled(_ shortest: Int64, _ times: Int32, _ longest: Int64) -> Int64 {
            shortest > longest >> Int64(min(times, 60)) ? longest : shortest << Int64(min(times, 60))
        }

        private static func milliseconds(_ range: ClosedRange<Duration>) -> (Int64, Int64) {
            (max(1, range.lowerBound.wholeMilliseconds), max(1, range.upperBound.wholeMilliseconds))
        }
    }
}
