import SandstormCore

/// What is to be expected of one offer alone, and of two that race: the measure by which places are compared for speed.
///
/// It is the root of the mean square of the time to start, so that a rare long wait counts for more than its share. Times beyond a limit
/// count as the limit: whoever waits that long has a hedge.
enum Race {
    /// How long it takes to hear of a failure and to go on elsewhere, as a bin of ``TimeScale``: 200 ms.
    private static let failover = TimeScale.bin(200)
    /// Alone, a failure costs at least this wait.
    private static let penalty: Float = 2000

    /// The expectation of one offer, in milliseconds.
    static func alone(_ curve: StartupCurve, limit: Float) -> Float {
        var sum: Float = 0
        var before: Float = 1
        curve.survival.withUnsafeBufferPointer { survival in
            for bin in 0..<TimeScale.bins {
                let waiting = survival[bin] + curve.failure * (TimeScale.edges[bin] < penalty ? 1 : 0.1)
                let time = min(TimeScale.middles[bin], limit)
                sum += max(0, before - waiting) * time * time
                before = waiting
            }
        }
        sum += before * limit * limit
        return sum.squareRoot()
    }

    /// The expectation of an offer and of a second that starts at the end of bin `delay` if the first has not, or after the first has failed.
    static func pair(_ first: StartupCurve, _ second: StartupCurve, delay: Int, limit: Float) -> Float {
        var sum: Float = 0
        var before: Float = 1
        let lost = second.failure * 0.5
        first.survival.withUnsafeBufferPointer { primary in
            second.survival.withUnsafeBufferPointer { backup in
                for bin in 0..<TimeScale.bins {
                    var waiting = primary[bin]
                    if bin > delay {
                        let since = bin - TimeScale.drop[bin - delay]
                        waiting *= since < 0 ? 1 : backup[since] + lost
                    }
                    let sinceFailure = bin > failover ? bin - TimeScale.drop[bin - failover] : -1
                    waiting += first.failure * (sinceFailure < 0 ? 1 : backup[sinceFailure] + lost)
                    let time = min(TimeScale.middles[bin], limit)
                    sum += max(0, before - waiting) * time * time
                    before = min(before, waiting)
                }
            }
        }
        sum += before * limit * limit
        return sum.squareRoot()
    }
}
