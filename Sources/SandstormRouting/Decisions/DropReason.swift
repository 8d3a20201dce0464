import SandstormCore

/// Why an offer is out of the question. One byte: of ten thousand offers most are dropped, and what is said of them is said when asked.
package enum DropReason: UInt8, CaseIterable, Sendable {
    case kept
    case excludedProvider, isolation, region, unpriced, rule, tooSlow, tooDear, breakerOpen, full, ejected, untried

    /// For metrics.
    package var name: String { "\(self)" }
}
