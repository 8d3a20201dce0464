import SandstormCore

/// A point in time, in whole milliseconds since 1970 (UTC). Routing reads no clock: every call is told the time.
package struct Moment: Hashable, Comparable, Sendable, CustomStringConvertible {
    package var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    package static func + (moment: Moment, duration: Duration) -> Moment {
        Moment(milliseconds: moment.milliseconds + duration.wholeMilliseconds)
    }

    package static func - (moment: Moment, duration: Duration) -> Moment {
        Moment(milliseconds: moment.milliseconds - duration.wholeMilliseconds)
    }

    /// The time from `earlier` to `later`; negative if they stand the other way round.
    package static func - (later: Moment, earlier: Moment) -> Duration { .milliseconds(later.milliseconds - earlier.milliseconds) }

    package static func < (left: Moment, right: Moment) -> Bool { left.milliseconds < right.milliseconds }

    package var description: String { "\(milliseconds) ms" }
}
