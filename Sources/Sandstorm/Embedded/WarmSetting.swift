package import SandstormCore

/// Which sandboxes a gateway keeps ready.
package enum WarmSetting: Hashable, Sendable {
    /// So many of the standard shape.
    case count(Int)
    /// As many of each shape as it is foreseen that they are asked for, within what they may cost together in an hour.
    case automatic(budget: Money)
}
