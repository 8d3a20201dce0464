import SandstormCore

extension RoutingRule {
    /// Why the rule drops this offer at this time, in words for a user; `nil` if it does not.
    func reason(against offer: Offer, at now: Moment) -> String? {
        switch self {
        case .pinned(let target): return target.matches(offer) ? nil : "the routing rule allows only \(target)"
        case .fallback(let targets, let others):
            guard !others, !targets.contains(where: { $0.matches(offer) }) else { return nil }
            return "not in the routing rule's list: \(RoutingRule.list(targets))"
        case .split(let shares, let others):
            guard !others, !shares.contains(where: { $0.target.matches(offer) }) else { return nil }
            return "has no share in the routing rule's split: \(RoutingRule.list(shares.map(\.target)))"
        case .regions(let regions, let others):
            guard !others, !regions.contains(where: { $0 == offer.region }) else { return nil }
            return "not in a region of the routing rule: \(RoutingRule.list(regions))"
        case .excluded(let targets):
            return targets.first { $0.matches(offer) }.map { "the routing rule excludes \($0)" }
        case .canary, .sticky: return nil
        case .schedule(let windows, let offset, let otherwise):
            let time = LocalTime(now, offset: offset)
            let window = windows.first { Hours($0).contain(time) }
            guard let reason = (window?.rule ?? otherwise)?.reason(against: offer, at: now) else { return nil }
            return reason + (window == nil ? ", outside of its scheduled hours" : ", at this hour")
        case .all(let rules):
            for rule in rules { if let reason = rule.reason(against: offer, at: now) { return reason } }
            return nil
        }
    }

    private static func list(_ names: [some CustomStringConvertible]) -> String {
        let shown = names.prefix(8).map(\.description).joined(separator: ", ")
        return names.count > 8 ? "\(shown), …" : shown
    }
}
