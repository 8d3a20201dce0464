package import SandstormRouting

/// Simulated time: an instant since 1970 (UTC), or a span, in microseconds.
///
/// Finer than ``Moment``, since the fastest places start within fractions of a millisecond.
package typealias Microseconds = Int64

extension Microseconds {
    package static func milliseconds(_ count: Double) -> Microseconds { Microseconds((count * 1000).rounded()) }
    package static func seconds(_ count: Double) -> Microseconds { Microseconds((count * 1_000_000).rounded()) }
    package static func minutes(_ count: Double) -> Microseconds { seconds(count * 60) }
    package static func hours(_ count: Double) -> Microseconds { seconds(count * 3600) }

    /// This span as the router is told it.
    package var duration: Duration { .microseconds(self) }

    /// This instant as the router is told it.
    package var moment: Moment { Moment(milliseconds: self / 1000) }

    package var inMilliseconds: Double { Double(self) / 1000 }

    package init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
