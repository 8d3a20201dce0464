package import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// By how much a place starts slower at some hours of the day than at others, on weekdays and on weekends (UTC).
///
/// An hour on the calendar counts once however many starts it saw: a thousand starts on one bad afternoon say nothing of the next day's. It
/// is compared with the place's last day or so, so that a place that has become slower altogether is not taken for one that is slow at
/// the hours in which it was seen since. What was seen on few days is hardly believed.
package struct SlownessPattern: Hashable, Sendable {
    /// One start counts as no more than so many times faster or slower than expected.
    private static let extreme = log(8.0)

    /// By hour of day and kind of day, ``index(of:)``.
    private var slots = Array(repeating: Slot(), count: 48)
    /// What they come to.
    private var factors = Array(repeating: Float(1), count: 48)
    private var hour = WeekHour(ordinal: 0)
    private var sum = 0.0
    private var count = 0.0
    /// What the last day or so was like, and by how many hours that is known.
    private var normal = 0.0
    private var hours = 0.0

    package init() {}

    private struct Slot: Hashable, Sendable {
        /// The logarithm of how much slower it was than ``normal``.
        var mean = 0.0
        var visits = 0.0
    }

    /// How much longer a start takes at this hour than the place's own usual; 1 where nothing is known.
    package func factor(at moment: Moment) -> Double { Double(factors[SlownessPattern.index(of: moment)]) }

    /// A start took so long.
    ///
    /// - Parameter expected: what a start takes there in the long run, whatever the hour. A constant error of it cancels out; one that follows
    ///   the last starts closely would leave nothing to be learned here.
    package mutating func record(startup: Duration, expected: Duration, at now: Moment) {
        let (took, usual) = (startup.wholeMicroseconds, expected.wholeMicroseconds)
        guard took >= 0, usual > 0 else { return }
        let hour = WeekHour(now)
        if hour != self.hour {
            closeHour()
            self.hour = hour
        }
        let ratio = log(max(Double(took), 100) / Double(usual))
        sum += min(max(ratio, -SlownessPattern.extreme), SlownessPattern.extreme)
        count += 1
    }

    private mutating func closeHour() {
        guard count > 0 else { return }
        let mean = sum / count
        let weight = count / (count + 5)
        sum = 0
        count = 0
        if hours > 0 {
            let index = hour.hourOfDay + (hour.isWeekend ? 24 : 0)
            slots[index].visits = slots[index].visits * 0.9 + weight
            slots[index].mean += (mean - normal - slots[index].mean) * weight / slots[index].visits
            weigh(hour.hourOfDay)
        }
        hours = min(hours + weight, 24)
        normal += (mean - normal) * weight / hours
    }

    private mutating func weigh(_ hour: Int) {
        let (weekday, weekend) = (slots[hour], slots[hour + 24])
        let both = (weekday.mean * weekday.visits + weekend.mean * weekend.visits) / (weekday.visits + weekend.visits + 4)
        for index in [hour, hour + 24] {
            let slot = slots[index]
            factors[index] = Float(exp((slot.mean * slot.visits + both * 4) / (slot.visits + 4)))
        }
    }

    /// Unsigned and without a branch: this is on the path of each decision. Times before 1970 are not met.
    private static func index(of moment: Moment) -> Int {
        let hours = UInt64(bitPattern: moment.milliseconds) / 3_600_000
        let days = hours / 24
        // Monday is 0, and the first day of 1970 was a Thursday.
        let isWeekend = (days &+ 3) % 7 >= 5
        return Int(truncatingIfNeeded: hours &- days &* 24) &+ (isWeekend ? 24 : 0)
    }
}

extension Duration {
    fileprivate var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

// MARK: Keeping

extension SlownessPattern {
    /// All that was learned.
    package var json: JSONValue {
        [
            "slots": .estimates(slots.flatMap { [$0.mean, $0.visits] }), "hour": .integer(hour.ordinal),
            "state": .estimates([sum, count, normal, hours]),
        ]
    }

    /// What was learned earlier; `nil` if `json` is something else.
    package init?(json: JSONValue) {
        guard let values = json["slots"]?.estimates(96), let state = json["state"]?.estimates(4), let ordinal = json["hour"]?.intValue,
            values.allSatisfy({ abs($0) < 1000 }), state[1] >= 0, abs(state[0]) <= state[1] * 3, abs(state[2]) < 10,
            (0...24).contains(state[3])
        else { return nil }
        for index in slots.indices {
            guard abs(values[index * 2]) < 10, values[index * 2 + 1] >= 0 else { return nil }
            slots[index] = Slot(mean: values[index * 2], visits: values[index * 2 + 1])
        }
        (sum, count, normal, hours) = (state[0], state[1], state[2], state[3])
        hour = WeekHour(ordinal: Int64(ordinal))
        for hour in 0..<24 { weigh(hour) }
    }
}
