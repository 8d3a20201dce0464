/// How far a figure can be believed. From the surest to the least sure.
package enum PriceCertainty: String, Hashable, Sendable, CaseIterable, Comparable {
    /// The operator has said so: a contract, or what a machine of one's own costs.
    case configured
    /// The provider itself has told it to this gateway, or it was seen on a bill.
    case observed
    /// It is on the provider's public price list, or quoted from there.
    case published
    /// Sources contradict each other, are too old, or leave it open.
    case uncertain

    private var rank: Int { PriceCertainty.allCases.firstIndex(of: self) ?? 0 }

    /// The surer comes first.
    package static func < (left: PriceCertainty, right: PriceCertainty) -> Bool { left.rank < right.rank }
}
