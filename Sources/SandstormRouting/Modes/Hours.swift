import SandstormCore

/// What the clock on the wall shows.
struct LocalTime: Hashable {
    /// Monday is 0.
    var weekday: Int
    /// Of the day.
    var minute: Int

    /// Where local time is so many minutes ahead of UTC.
    init(_ now: Moment, offset: Int) {
        let minutes = LocalTime.floor(Int(now.milliseconds), by: 60_000) + offset
        let day = LocalTime.floor(minutes, by: 1440)
        minute = minutes - day * 1440
        // The first day of 1970 was a Thursday.
        weekday = day + 3 - LocalTime.floor(day + 3, by: 7) * 7
    }

    private static func floor(_ number: Int, by divisor: Int) -> Int {
        number >= 0 ? number / divisor : (number - divisor + 1) / divisor
    }
}

/// A window of a schedule, without what applies in it.
struct Hours: Hashable, Sendable {
    /// A bit for each day on which it begins, Monday's the lowest.
    private let days: UInt8
    private let from: Int
    private let to: Int

    init(_ window: RoutingRule.Window) {
        days = RoutingRule.Weekday.allCases.enumerated().reduce(0) { days, day in
            window.days.contains(day.element) ? days | 1 << UInt8(day.offset) : days
        }
        from = window.from
        to = window.to
    }

    func contain(_ time: LocalTime) -> Bool {
        if from < to { return begin(on: time.weekday) && (from..<to).contains(time.minute) }
        return begin(on: time.weekday) && time.minute >= from || begin(on: (time.weekday + 6) % 7) && time.minute < to
    }

    private func begin(on weekday: Int) -> Bool { days >> UInt8(weekday) & 1 != 0 }
}
