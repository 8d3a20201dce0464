/// An hour on the calendar (UTC), counted from a Monday's midnight, so that it falls apart into a week and an hour of that week.
struct WeekHour: Hashable, Sendable {
    static let perWeek = 168
    private static let length: Int64 = 3_600_000
    /// The first day of 1970 was a Thursday.
    private static let offset: Int64 = 72

    let ordinal: Int64

    init(ordinal: Int64) { self.ordinal = ordinal }

    init(_ moment: Moment) {
        let (hours, rest) = moment.milliseconds.quotientAndRemainder(dividingBy: WeekHour.length)
        ordinal = hours + WeekHour.offset - (rest < 0 ? 1 : 0)
    }

    var week: Int64 { (ordinal - Int64(index)) / 168 }

    /// From Monday 00:00 on.
    var index: Int {
        let rest = Int(ordinal % 168)
        return rest < 0 ? rest + 168 : rest
    }

    var isWeekend: Bool { index >= 120 }
    var hourOfDay: Int { index % 24 }

    /// When it is over.
    var end: Moment { Moment(milliseconds: (ordinal - WeekHour.offset + 1) * WeekHour.length) }
}
