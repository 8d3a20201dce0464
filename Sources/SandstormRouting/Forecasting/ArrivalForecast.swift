package import SandstormCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Foresees how often something is asked for, from when it was asked for before.
///
/// Three things are learned. The *pattern*: arrivals in each hour of the week (UTC), recent weeks counting more; where little is known of an
/// hour it is taken to be like that hour on other such days (weekdays or weekends), on all days, and at last like all hours. The *level*:
/// how the last hundreds of arrivals compare with the pattern; and a *shift*: a surge or a quiet spell, from the arrival on at which it seems to
/// have begun, as soon as it is more than chance. And how *uneven* it all is: bursts within seconds, and hours that are off their pattern.
///
/// Time only counts as quiet if somebody watched: whoever keeps a forecast calls ``advance(to:)`` at least every few minutes while arrivals
/// would be recorded. A longer silence between two calls is a gap, of which nothing is learned.
///
/// The memory is fixed, and all calls but those on a new hour take the same short time.
package struct ArrivalForecast: Hashable, Sendable {
    /// A silence between two calls that is longer than this is a gap.
    package static let longestSilence = Duration.seconds(600)
    /// What is left of a week's weight a week later.
    private static let weekly: Float = 0.6
    /// How far bursts are told from chance.
    private static let bucketLength: Int64 = 10_000

    private var slots = Array(repeating: Slot(), count: WeekHour.perWeek)
    /// What ``slots`` come to.
    private var pattern = Pattern()
    /// What the current hour has brought so far: it joins the pattern when it is over, so that the level has something firm to compare with.
    private var current = CurrentHour()
    private var level = Level(arrivals: 200, longest: 7200, doubt: 5)
    private var surge = Shift(to: 2)
    private var lull = Shift(to: 0.5)
    private var bursts = Bursts()
    /// How far hours were off the pattern, relative to it: squares, and what they are relative to.
    private var misses = Misses(squares: 0.25 * 4, scale: 4)
    private var seen: Moment?
    /// When an earlier process saw last what this one goes on from.
    private var left: Moment?

    package init() {}

    /// What is known of an hour of the week.
    private struct Slot: Hashable, Sendable {
        var arrivals: Float = 0
        var seconds: Float = 0
        var week: Int32 = 0
    }

    private struct Misses: Hashable, Sendable {
        var squares: Double
        var scale: Double
    }

    private struct CurrentHour: Hashable, Sendable {
        var hour = WeekHour(ordinal: 0)
        var arrivals = 0.0
        var seconds = 0.0
    }

    // MARK: Learning

    /// Somebody asks for it now.
    package mutating func record(at now: Moment) {
        advance(to: now)
        current.arrivals += 1
        level.arrivals += 1
        surge.arrived(bursts.dispersion)
        lull.arrived(bursts.dispersion)
        bursts.arrivals += 1
    }

    /// Time passes, and somebody would have recorded what arrived in it.
    package mutating func advance(to now: Moment) {
        guard let last = seen else {
            // What the last arrivals were like holds for a while.
            if let left, isGap(now - left) { forgetRecent() }
            begin(at: now)
            return
        }
        if isGap(now - last) {
            closeHour()
            forgetRecent()
            begin(at: now)
            return
        }
        var time = last.milliseconds
        while time < now.milliseconds {
            // Hours end where buckets do.
            let bucket = time - ArrivalForecast.remainder(time)
            let end = min(bucket + ArrivalForecast.bucketLength, now.milliseconds)
            pass(Double(end - time) / 1000)
            time = end
            if end == bucket + ArrivalForecast.bucketLength { bursts.close() }
            if end == current.hour.end.milliseconds { closeHour(next: WeekHour(Moment(milliseconds: end))) }
        }
        seen = max(last, now)
    }

    /// A clock that was set back a little stands still; one that was set back far tells of another time.
    private func isGap(_ silence: Duration) -> Bool { silence > ArrivalForecast.longestSilence || silence < .seconds(-3600) }

    private mutating func forgetRecent() {
        level.forget()
        surge.forget()
        lull.forget()
        bursts.drop()
    }

    private static func remainder(_ time: Int64) -> Int64 {
        let rest = time % bucketLength
        return rest < 0 ? rest + bucketLength : rest
    }

    private mutating func begin(at now: Moment) {
        let hour = WeekHour(now)
        if hour != current.hour { closeHour(next: hour) }
        seen = now
    }

    private mutating func pass(_ seconds: Double) {
        let base = pattern.rates[current.hour.index]
        let rate = presentRate
        current.seconds += seconds
        bursts.expected += rate * seconds
        let normal = base * level.value(base: base)
        surge.pass(seconds, normal: normal, rate: rate, bursts.dispersion)
        lull.pass(seconds, normal: normal, rate: rate, bursts.dispersion)
        level.pass(seconds, base: base, rate: rate)
    }

    /// Adds what the hour has brought to the pattern.
    private mutating func closeHour(next: WeekHour? = nil) {
        if current.seconds > 0 {
            let index = current.hour.index
            let foreseen = pattern.rates[index] * current.seconds
            if current.seconds > 1800 {
                let miss = current.arrivals - foreseen
                misses.squares = max(0, misses.squares * 0.98 + miss * miss - foreseen)
                misses.scale = misses.scale * 0.98 + foreseen * foreseen
            }
            let week = Int32(clamping: current.hour.week)
            let fade = slots[index].seconds == 0 ? 0 : powf(ArrivalForecast.weekly, Float(max(0, Int64(week) - Int64(slots[index].week))))
            slots[index].arrivals = slots[index].arrivals * fade + Float(current.arrivals)
            slots[index].seconds = slots[index].seconds * fade + Float(current.seconds)
            slots[index].week = week
            learnPattern()
        }
        current = CurrentHour(hour: next ?? current.hour)
    }

    private mutating func learnPattern() {
        pattern = Pattern(slots.map { (Double($0.arrivals), Double($0.seconds)) })
    }

    // MARK: Foreseeing

    /// The arrivals expected from `moment` on, as far as is known from what was recorded until now.
    ///
    /// - Parameters:
    ///   - moment: now or later.
    ///   - horizon: how long from then; at most a week.
    package func rate(at moment: Moment, for horizon: Duration) -> ArrivalRate {
        let length = min(max(horizon.inSeconds, 0), 7 * 86_400)
        let now = seen ?? moment
        let present = presentRate
        let trusted = level.trusted
        let normal = pattern.rates[current.hour.index] * trusted
        // What is more than the pattern comes on top of it, wherever that goes: a surge at night is no bigger in the morning. What is less
        // is a share of it.
        let excess = max(0, present - normal)
        let share = min(1, present / normal)
        var expected = 0.0
        var known = 0.0
        var time = moment
        let end = moment + .milliseconds(Int64(length * 1000))
        while time < end {
            let hour = WeekHour(time)
            let next = min(hour.end, end)
            let seconds = Double(next.milliseconds - time.milliseconds) / 1000
            let ahead = max(0, Double(time.milliseconds - now.milliseconds) / 1000)
            let middle = ahead + seconds / 2
            var piece = pattern.rates[hour.index] * pow(trusted, exp(-middle / 21_600)) * pow(share, exp(-middle / 900)) * seconds
            piece += excess * 900 * (exp(-ahead / 900) - exp(-(ahead + seconds) / 900))
            expected += piece
            known += piece * max(pattern.evidence[hour.index], hour == current.hour ? level.arrivals : 0)
            time = next
        }
        guard expected > 0 else { return ArrivalRate(expected: 0, variance: 0, horizon: horizon) }
        let ahead = max(0, Double(end.milliseconds - now.milliseconds) / 1000)
        let doubt = 1 / (1 + known / expected) + hourlyDoubt * (1 - exp(-ahead / 3600))
        return ArrivalRate(expected: expected, variance: expected * bursts.dispersion + expected * expected * doubt, horizon: horizon)
    }

    /// The variance of an hour's rate relative to what the pattern says, beyond chance.
    private var hourlyDoubt: Double { min(misses.squares / max(misses.scale, 1e-9), 4) }

    /// Arrivals per second as the last of them have it.
    private var presentRate: Double {
        let base = pattern.rates[current.hour.index]
        let normal = base * level.value(base: base)
        return normal * (surge.score > lull.score ? surge : lull).factor(normal: normal, bursts.dispersion)
    }
}

/// How the recent hundreds of arrivals compare with the pattern.
private struct Level: Hashable, Sendable {
    /// Over how many arrivals evidence fades, and over how many seconds at most.
    private let window: Double
    private let longest: Double
    /// So many arrivals as foreseen are taken to have been there before anything was seen.
    private let doubt: Double

    var arrivals = 0.0
    /// By the pattern, in the same time.
    private(set) var expected = 0.0

    init(arrivals window: Double, longest: Double, doubt: Double) {
        self.window = window
        self.longest = longest
        self.doubt = doubt
    }

    mutating func pass(_ seconds: Double, base: Double, rate: Double) {
        // Measured in arrivals, so that what is frequent is followed fast; in a quiet spell the arrivals that stay away count.
        let speed = max(max(base, rate) / window, 1 / longest)
        let fade = exp(-seconds * speed)
        arrivals *= fade
        expected = expected * fade + base * (1 - fade) / speed
    }

    mutating func forget() {
        arrivals = 0
        expected = 0
    }

    /// Where next to nothing is foreseen, doubt is limited by time instead: otherwise it would take for ever to believe in a surge.
    func value(base: Double) -> Double {
        let doubt = max(min(doubt, base * longest / 8), 1e-12)
        return (arrivals + doubt) / (expected + doubt)
    }

    /// What may be said of other hours as well.
    var trusted: Double { (arrivals + doubt) / (expected + doubt) }

    var json: JSONValue { .estimates([arrivals, expected]) }

    mutating func restore(_ json: JSONValue?) -> Bool {
        guard let values = json?.estimates(2), values.allSatisfy({ $0 >= 0 }) else { return false }
        (arrivals, expected) = (values[0], values[1])
        return true
    }
}

/// A change of the rate that may have just begun (Page's test): evidence for it adds up, and what came before the evidence began is not
/// counted.
private struct Shift: Hashable, Sendable {
    /// The evidence beyond which more would only take longer to be refuted.
    private static let highest = 12.0
    /// Over how many arrivals the size of the shift is measured, and over how many seconds at most.
    private static let window = 20.0
    private static let longest = 600.0

    /// To be told from no change: so many times as much.
    private let ratio: Double
    private(set) var score = 0.0
    private var arrivals = 0.0
    private var expected = 0.0

    init(to ratio: Double) { self.ratio = ratio }

    /// - Parameter dispersion: arrivals in bursts are evidence of less.
    mutating func arrived(_ dispersion: Double) {
        // A surge is taken to begin with an arrival, which therefore says nothing of how strong it is.
        if score > 0 || ratio < 1 { arrivals += 1 }
        add(log(ratio) / dispersion)
    }

    mutating func pass(_ seconds: Double, normal: Double, rate: Double, _ dispersion: Double) {
        // Measured in arrivals, so that what is frequent is followed fast; in a quiet spell the arrivals that stay away count.
        let speed = max(max(normal, rate) / Shift.window, 1 / Shift.longest)
        let fade = exp(-seconds * speed)
        arrivals *= fade
        expected = expected * fade + normal * (1 - fade) / speed
        add((1 - ratio) * normal * seconds / dispersion)
    }

    private mutating func add(_ evidence: Double) {
        score = min(score + evidence, Shift.highest)
        if score <= 0 { forget() }
    }

    mutating func forget() {
        score = 0
        arrivals = 0
        expected = 0
    }

    /// How many times as much there is as normally, as far as that is to be believed.
    func factor(normal: Double, _ dispersion: Double) -> Double {
        let doubt = max(min(1, normal * Shift.longest / 8), 1e-12)
        // The logarithm of the likelihood ratio: what chance does often says little, what it does once in a thousand times nearly all.
        let surprise = ((arrivals > 0 ? arrivals * log(arrivals / max(expected, 1e-9)) - arrivals : 0) + expected) / dispersion
        let weight = surprise * surprise / (surprise * surprise + 16)
        return pow((arrivals + doubt) / (expected + doubt), weight)
    }

    var json: JSONValue { .estimates([score, arrivals, expected]) }

    mutating func restore(_ json: JSONValue?) -> Bool {
        guard let values = json?.estimates(3), values.allSatisfy({ $0 >= 0 }), values[0] <= Shift.highest else { return false }
        (score, arrivals, expected) = (values[0], values[1], values[2])
        return true
    }
}

/// How much the numbers of arrivals within ten seconds vary, relative to chance.
private struct Bursts: Hashable, Sendable {
    var arrivals = 0.0
    var expected = 0.0
    private var squares = 10.0
    private var scale = 10.0

    var dispersion: Double { min(max(squares / scale, 1), 30) }

    mutating func close() {
        let fade = exp(-max(expected, 0.002) / 300)
        let miss = arrivals - expected
        // Ten such as were never seen before stay in place of what has faded.
        squares = squares * fade + 10 * (1 - fade) + miss * miss
        scale = scale * fade + 10 * (1 - fade) + expected
        drop()
    }

    mutating func drop() {
        arrivals = 0
        expected = 0
    }

    var json: JSONValue { .estimates([squares, scale]) }

    mutating func restore(_ json: JSONValue?) -> Bool {
        guard let values = json?.estimates(2), values[0] >= 0, values[1] > 0 else { return false }
        (squares, scale) = (values[0], values[1])
        return true
    }
}

/// Arrivals per second in each hour of the week, each as far as it is known and otherwise like those that it resembles.
private struct Pattern: Hashable, Sendable {
    private(set) var rates: [Double]
    /// How many arrivals each is known by.
    private(set) var evidence: [Double]

    /// Before anything is seen: one arrival in two hours, for one hour.
    init() { self.init(Array(repeating: (0, 0), count: WeekHour.perWeek)) }

    init(_ slots: [(arrivals: Double, seconds: Double)]) {
        var days = Array(repeating: (arrivals: 0.0, seconds: 0.0), count: 24)
        var kinds = Array(repeating: (arrivals: 0.0, seconds: 0.0), count: 48)
        var all = (arrivals: 0.5, seconds: 3600.0)
        func add(_ slot: (arrivals: Double, seconds: Double), to sum: inout (arrivals: Double, seconds: Double)) {
            sum.arrivals += slot.arrivals
            sum.seconds += slot.seconds
        }
        for (index, slot) in slots.enumerated() {
            let hour = WeekHour(ordinal: Int64(index))
            add(slot, to: &days[hour.hourOfDay])
            add(slot, to: &kinds[hour.hourOfDay * 2 + (hour.isWeekend ? 1 : 0)])
            add(slot, to: &all)
        }
        let overall = max(all.arrivals / all.seconds, 1e-6)
        rates = []
        evidence = []
        rates.reserveCapacity(slots.count)
        evidence.reserveCapacity(slots.count)
        for (index, slot) in slots.enumerated() {
            let hour = WeekHour(ordinal: Int64(index))
            let kind = kinds[hour.hourOfDay * 2 + (hour.isWeekend ? 1 : 0)]
            let daily = Pattern.shrunk(days[hour.hourOfDay], to: overall)
            let kindly = Pattern.shrunk(kind, to: daily)
            let rate = max(Pattern.shrunk(slot, to: kindly), 1e-6)
            rates.append(rate)
            evidence.append(rate * max(slot.seconds, kind.seconds / 5))
        }
    }

    /// The wider rate counts as two arrivals, at least as ten minutes and at most as a day.
    private static func shrunk(_ sum: (arrivals: Double, seconds: Double), to wider: Double) -> Double {
        let seconds = min(max(2 / wider, 600), 86_400)
        return (sum.arrivals + wider * seconds) / (sum.seconds + seconds)
    }
}

// MARK: Keeping

extension ArrivalForecast {
    /// All that was learned.
    package var json: JSONValue {
        var object: JSONObject = [
            "slots": .array(
                slots.enumerated().filter { $0.element.seconds > 0 }.map { index, slot in
                    .array([
                        .integer(index), .integer(slot.week), .estimate(Double(slot.arrivals)), .estimate(Double(slot.seconds)),
                    ])
                }),
            "hour": .array([.integer(current.hour.ordinal), .estimate(current.arrivals), .estimate(current.seconds)]),
            "level": level.json, "surge": surge.json, "lull": lull.json, "bursts": bursts.json,
            "misses": .estimates([misses.squares, misses.scale]),
        ]
        object["seen"] = (seen ?? left).map { .integer($0.milliseconds) }
        return .object(object)
    }

    /// What was learned earlier, after a gap; `nil` if `json` is something else.
    package init?(json: JSONValue) {
        guard let kept = json["slots"]?.arrayValue, kept.count <= WeekHour.perWeek, let hour = json["hour"]?.arrayValue, hour.count == 3,
            let ordinal = hour[0].intValue, let arrivals = hour[1].doubleValue, let seconds = hour[2].doubleValue, arrivals >= 0,
            (0...3600.01).contains(seconds), abs(ordinal) < 1 << 40, let misses = json["misses"]?.estimates(2), misses[0] >= 0,
            misses[1] > 0,
            level.restore(json["level"]), surge.restore(json["surge"]), lull.restore(json["lull"]), bursts.restore(json["bursts"])
        else { return nil }
        for slot in kept {
            guard let values = slot.estimates(4), let index = slot.arrayValue?.first?.intValue, slots.indices.contains(index),
                let week = Int32(exactly: values[1]), values[2] >= 0, values[3] >= 0
            else { return nil }
            slots[index] = Slot(arrivals: Float(values[2]), seconds: Float(values[3]), week: week)
        }
        left = json["seen"]?.intValue.map { Moment(milliseconds: Int64($0)) }
        self.misses = Misses(squares: misses[0], scale: misses[1])
        current = CurrentHour(hour: WeekHour(ordinal: Int64(ordinal)), arrivals: arrivals, seconds: seconds)
        learnPattern()
    }
}
