/// A day or an instant as a source is dated, in UTC: `2026`, `2026-08`, `2026-08-06`, or `2026-11-21T09:30:00.125Z`.
///
/// Sources without a day are taken to be as old as they may be.
package struct PriceDate: Hashable, Sendable, CustomStringConvertible {
    /// As it was written.
    package let description: String
    /// Its first moment.
    package let moment: Moment

    package init?(_ text: String) {
        let parts = text.split(separator: "T", maxSplits: 1, omittingEmptySubsequences: false)
        guard let date = parts.first, let days = PriceDate.days(date) else { return nil }
        var time: Int64 = 0
        if parts.count > 1 {
            guard date.utf8.count == 10, let milliseconds = PriceDate.time(parts[1]) else { return nil }
            time = milliseconds
        }
        description = text
        moment = Moment(milliseconds: days * 86_400_000 + time)
    }

    /// An instant, to the millisecond.
    package init(_ moment: Moment) {
        let time = ((moment.milliseconds % 86_400_000) + 86_400_000) % 86_400_000
        let (year, month, day) = PriceDate.civil((moment.milliseconds - time) / 86_400_000)
        func pad(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        description =
            "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))T\(pad(time / 3_600_000, 2)):\(pad(time / 60_000 % 60, 2)):"
            + "\(pad(time / 1000 % 60, 2)).\(pad(time % 1000, 3))Z"
        self.moment = moment
    }

    private static func number(_ text: some StringProtocol, digits: Int) -> Int64? {
        guard text.utf8.count == digits, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// Days since 1970.
    private static func days(_ text: some StringProtocol) -> Int64? {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard (1...3).contains(parts.count), let year = number(parts[0], digits: 4), year >= 1970 else { return nil }
        let month = parts.count > 1 ? number(parts[1], digits: 2) : 1
        let day = parts.count > 2 ? number(parts[2], digits: 2) : 1
        guard let month, let day, (1...12).contains(month), day >= 1 else { return nil }
        let days = ordinal(year, month, day)
        // A day that the month does not have would come back as another.
        guard civil(days) == (year, month, day) else { return nil }
        return days
    }

    private static func time(_ text: some StringProtocol) -> Int64? {
        guard text.hasSuffix("Z") else { return nil }
        let parts = text.dropLast().split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, let hour = number(parts[0], digits: 2), let minute = number(parts[1], digits: 2) else { return nil }
        let seconds = parts[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let second = number(seconds[0], digits: 2), hour < 24, minute < 60, second < 60 else { return nil }
        var milliseconds: Int64 = 0
        if seconds.count > 1 {
            guard let fraction = number(seconds[1].prefix(3), digits: 3) else { return nil }
            milliseconds = fraction
        }
        return ((hour * 60 + minute) * 60 + second) * 1000 + milliseconds
    }

    /// Days since 1970 of a day in the Gregorian calendar: years begin in March here, so that the leap day comes last.
    private static func ordinal(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shifted = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let index = (5 * dayOfYear + 2) / 153
        let month = index < 10 ? index + 3 : index - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * index + 2) / 5 + 1)
    }
}
