import SandstormCore

/// How evidence fades: to half in each half-life.
///
/// Time advances in ticks of an eighth of the half-life. So the same events fade alike however often they are looked at, and between two
/// ticks nothing has to be computed.
struct HalfLife: Hashable, Sendable {
    private let tickLength: Int64

    init(_ duration: Duration) { tickLength = max(1, duration.wholeMilliseconds / 8) }

    /// The tick in which `now` lies.
    func tick(at now: Moment) -> Int64 { now.milliseconds / tickLength }

    /// What is left of 1 after so many ticks.
    static func remainder(after ticks: Int64) -> Double {
        guard ticks > 0 else { return 1 }
        let halvings = ticks >> 3
        guard halvings < 64 else { return 0 }
        return eighths(ticks & 7) * Double(bitPattern: UInt64(1023 - halvings) << 52)
    }

    /// 2 to the power of so many negative eighths.
    private static func eighths(_ count: Int64) -> Double {
        switch count {
        case 0: 1
        case 1: 0.917004043204671
        case 2: 0.840896415253715
        case 3: 0.771105412703970
        case 4: 0.707106781186548
        case 5: 0.648419777325505
        case 6: 0.594603557501361
        default: 0.545253866332629
        }
    }
}

/// A number of events that fades.
struct FadingCount: Hashable, Sendable {
    /// As of the last ``advance(to:)``.
    private(set) var value = 0.0
    private(set) var tick: Int64 = 0

    init() {}

    init(value: Double, tick: Int64) {
        self.value = value
        self.tick = tick
    }

    mutating func advance(to now: Int64) {
        guard now > tick else { return }
        value *= HalfLife.remainder(after: now - tick)
        tick = now
    }

    mutating func add(_ amount: Double = 1, at now: Int64) {
        advance(to: now)
        value += amount
    }

    func value(at now: Int64) -> Double { now > tick ? value * HalfLife.remainder(after: now - tick) : value }
}
