import SandstormCore
import SandstormRouting

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Tells routing the time: that of the wall as it was when the process began, and from then on steady.
///
/// Patterns of the day and the week are learned by it and outlive the process, so that it must be the wall's; but a clock that is set
/// back must not make a create have taken less than no time.
struct WallClock: Sendable {
    private let start = ContinuousClock.now
    private let moment = Moment(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))

    var now: Moment { moment + start.duration(to: .now) }
}
