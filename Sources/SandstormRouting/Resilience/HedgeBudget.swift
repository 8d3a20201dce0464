package import SandstormCore

/// Keeps second creates a small share of the traffic: from any point on, at most share × requests + burst.
///
/// Without it, a slow hour would double every create just when the places are busy.
package struct HedgeBudget: Hashable, Sendable {
    /// In thousandths of a hedge.
    private let perRequest: Int64
    private let burst: Int64
    private var credit: Int64

    /// - Parameters:
    ///   - perMille: how many hedges a thousand requests earn.
    ///   - burst: how many may be kept for later.
    ///   - initial: how many there are before the first request.
    package init(perMille: Int = 70, burst: Int = 10, initial: Int = 1) {
        perRequest = Int64(max(0, perMille))
        self.burst = Int64(max(0, burst)) * 1000
        credit = min(Int64(max(0, initial)) * 1000, self.burst)
    }

    /// A request comes in for the first time.
    package mutating func requested() { credit = min(credit + perRequest, burst) }

    /// Whether a hedge is left.
    package var allows: Bool { credit >= 1000 }

    /// What is left, in thousandths of a hedge.
    package var available: Int { Int(credit) }

    /// Takes a hedge; `false` if none is left.
    package mutating func take() -> Bool {
        guard allows else { return false }
        credit -= 1000
        return true
    }

    /// Gives back a hedge that was taken and then not sent.
    package mutating func giveBack() { credit = min(credit + 1000, burst) }

    /// What a restart must not forget: the share holds over it as well.
    package var json: JSONValue { .integer(credit) }

    /// Takes up where ``json`` left off; a value that is none of its kind is passed over.
    package mutating func restore(_ json: JSONValue) {
        guard let kept = json.intValue else { return }
        credit = min(max(0, Int64(kept)), burst)
    }
}
