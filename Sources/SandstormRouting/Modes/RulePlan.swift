package import SandstormCore

/// A routing rule made ready for the offers of one table, so that applying it to a run compares numbers only.
///
/// Applying refines tiers: offers of a lower tier come before all of a higher one, and the score decides within a tier. What the rule drops
/// is out. The same run at the same time always gets the same tiers.
package struct RulePlan: Sendable {
    package let rule: RoutingRule
    private let step: Step

    /// What is out, as a tier.
    package static let dropped: Int32 = -1

    /// Prepares `rule` for `offers`, which are named by their index from then on.
    package init(_ rule: RoutingRule, for offers: [Offer]) {
        self.rule = rule
        step = Step(rule, offers, salt: 1)
    }

    /// What runs of one session have in common, in a form that rules work with.
    package static func session(_ key: String) -> UInt64 {
        var hash = StableHash()
        hash.add(key)
        return SeededGenerator.mix(hash.value)
    }

    /// Refines the tiers of the offers.
    ///
    /// - Parameters:
    ///   - tiers: by the offers' index: 0 where nothing came before, ``dropped`` for what is out already and stays so.
    ///   - session: of the run's session key; `nil` if it has none.
    ///   - random: any number that is the run's own, and the same however often it is ranked.
    package func apply(to tiers: inout [Int32], session: UInt64?, random: UInt64, at now: Moment) {
        tiers.withUnsafeMutableBufferPointer { step.apply(to: $0, Run(session: session, random: random, now: now)) }
    }

    /// Why the rule drops this offer at this time, in words for a user; `nil` if it does not.
    package func reason(against offer: Offer, at now: Moment) -> String? {
        rule.reason(against: offer, at: now)
    }

    /// What of a run rules look at.
    struct Run {
        var session: UInt64?
        var random: UInt64
        var now: Moment

        /// By chance, but the same for the runs of one session.
        func draw(_ salt: UInt64) -> UInt64 { SeededGenerator.mix((session ?? random) &+ salt &* 0x9e37_79b9_7f4a_7c15) }
    }

    /// One rule in numbers.
    indirect enum Step: Sendable {
        /// Each offer's tier, which is its own whatever the run; and how many tiers there are.
        case fixed([Int32], count: Int32)
        /// Each offer's share or -1, and what is known of each share.
        case split([Int32], [Share], others: Bool)
        /// Whether each offer is the canary.
        case canary([Bool], basisPoints: UInt64, salt: UInt64)
        /// What a session stays with, as a number for each offer.
        case sticky([UInt64])
        case schedule([(Hours, Step)], offset: Int, otherwise: Step?)
        case all([Step])

        struct Share: Sendable {
            var weight: Double
            /// Its target as a number, so that a session's luck with a share does not hang on the other shares.
            var key: UInt64
        }
    }
}

extension RulePlan.Step {
    init(_ rule: RoutingRule, _ offers: [Offer], salt: UInt64) {
        /// The first target that names the offer.
        func index(of offer: Offer, in targets: [RoutingRule.Target]) -> Int32 {
            Int32(targets.firstIndex { $0.matches(offer) } ?? -1)
        }
        /// Tiers in the order of a list, the others behind it or out.
        func ordered(_ indices: [Int32], _ count: Int, others: Bool) -> RulePlan.Step {
            .fixed(indices.map { $0 >= 0 ? $0 : others ? Int32(count) : RulePlan.dropped }, count: Int32(count + 1))
        }
        switch rule {
        case .pinned(let target): self = ordered(offers.map { index(of: $0, in: [target]) }, 1, others: false)
        case .excluded(let targets):
            self = .fixed(offers.map { index(of: $0, in: targets) < 0 ? 0 : RulePlan.dropped }, count: 1)
        case .fallback(let targets, let others):
            self = ordered(offers.map { index(of: $0, in: targets) }, targets.count, others: others)
        case .regions(let regions, let others):
            let indices = offers.map { offer in Int32(offer.region.flatMap(regions.firstIndex) ?? -1) }
            self = ordered(indices, regions.count, others: others)
        case .split(let shares, let others):
            let targets = shares.map(\.target)
            let weights = shares.map { Share(weight: Double($0.weight), key: RulePlan.session($0.target.description) &+ salt) }
            self = .split(offers.map { index(of: $0, in: targets) }, weights, others: others)
        case .canary(let target, let basisPoints):
            self = .canary(offers.map(target.matches), basisPoints: UInt64(max(0, basisPoints)), salt: salt)
        case .sticky(let place):
            self = .sticky(
                offers.map { offer in
                    var hash = StableHash()
                    hash.add(offer.provider.rawValue)
                    if place != .provider {
                        hash.add(offer.account)
                        hash.add(offer.region ?? "")
                    }
                    if place == .offer { hash.add(offer.id) }
                    return SeededGenerator.mix(hash.value)
                })
        case .schedule(let windows, let offset, let otherwise):
            self = .schedule(
                windows.enumerated().map { index, window in
                    (Hours(window), RulePlan.Step(window.rule, offers, salt: salt &* 67 &+ UInt64(index) &+ 2))
                }, offset: offset, otherwise: otherwise.map { RulePlan.Step($0, offers, salt: salt &* 67 &+ 1) })
        case .all(let rules):
            self = .all(rules.enumerated().map { index, rule in RulePlan.Step(rule, offers, salt: salt &* 67 &+ UInt64(index) &+ 1) })
        }
    }

    func apply(to tiers: UnsafeMutableBufferPointer<Int32>, _ run: RulePlan.Run) {
        switch self {
        case .fixed(let own, let count): refine(tiers, count) { own[$0] }
        case .split(let shares, let weights, let others):
            let order = RulePlan.Step.order(of: weights, run)
            refine(tiers, Int32(weights.count + 1)) { index in
                shares[index] >= 0 ? order[Int(shares[index])] : others ? Int32(weights.count) : RulePlan.dropped
            }
        case .canary(let isCanary, let basisPoints, let salt):
            let isChosen = run.draw(salt) % 10_000 < basisPoints
            refine(tiers, 2) { isCanary[$0] == isChosen ? 0 : 1 }
        case .sticky(let places):
            guard let session = run.session else { return }
            stick(tiers, places, session)
        case .schedule(let windows, let offset, let otherwise):
            let time = LocalTime(run.now, offset: offset)
            (windows.first { $0.0.contain(time) }?.1 ?? otherwise)?.apply(to: tiers, run)
        case .all(let steps): for step in steps { step.apply(to: tiers, run) }
        }
    }

    /// Splits each tier into `count` of them, and drops what `tier` drops.
    @inline(__always)
    private func refine(_ tiers: UnsafeMutableBufferPointer<Int32>, _ count: Int32, _ tier: (Int) -> Int32) {
        var highest: Int32 = 0
        for index in tiers.indices where tiers[index] >= 0 {
            let own = tier(index)
            tiers[index] = own < 0 ? RulePlan.dropped : tiers[index] * count + own
            highest = max(highest, tiers[index])
        }
        if highest >= RulePlan.Step.manyTiers { renumber(tiers) }
    }

    /// So that tiers neither overflow nor take much room, however many rules stand one after another.
    private static let manyTiers: Int32 = 4096

    /// Gives the tiers small numbers in the same order.
    private func renumber(_ tiers: UnsafeMutableBufferPointer<Int32>) {
        let used = Set(tiers).sorted().filter { $0 >= 0 }
        for index in tiers.indices where tiers[index] >= 0 {
            var (low, high) = (0, used.count - 1)
            while low < high {
                let middle = (low + high) / 2
                if used[middle] < tiers[index] { low = middle + 1 } else { high = middle }
            }
            tiers[index] = Int32(low)
        }
    }

    /// Puts the session's place first in each tier. Of any set of places a session has one of its own (rendezvous hashing): when a place goes,
    /// only its sessions move; when one comes, only those that move to it.
    private func stick(_ tiers: UnsafeMutableBufferPointer<Int32>, _ places: [UInt64], _ session: UInt64) {
        let highest = Int(tiers.max() ?? RulePlan.dropped)
        guard highest >= 0 else { return }
        withUnsafeTemporaryAllocation(of: (draw: UInt64, place: UInt64).self, capacity: highest + 1) { best in
            best.initialize(repeating: (0, 0))
            for index in tiers.indices where tiers[index] >= 0 {
                let draw = SeededGenerator.mix(places[index] ^ session)
                if draw >= best[Int(tiers[index])].draw { best[Int(tiers[index])] = (draw, places[index]) }
            }
            for index in tiers.indices where tiers[index] >= 0 {
                tiers[index] = tiers[index] * 2 + (places[index] == best[Int(tiers[index])].place ? 0 : 1)
            }
        }
        if highest >= RulePlan.Step.manyTiers / 2 { renumber(tiers) }
    }

    /// Each share's place in the order in which the run tries them.
    ///
    /// The shares draw lots that are exponentially distributed with their weights as rates: the least is first with a probability in proportion
    /// to its weight, also among any part of them. A share's lot hangs on nothing but itself and the run, so a change of the others moves few.
    private static func order(of shares: [Share], _ run: RulePlan.Run) -> [Int32] {
        let lots = shares.map { share -> Double in
            guard share.weight > 0 else { return .infinity }
            // In (0, 1]: never the logarithm of 0.
            let chance = Double((run.draw(share.key) >> 11) + 1) * 0x1p-53
            return -chance.naturalLogarithm / share.weight
        }
        return lots.indices.map { index in
            Int32(lots.indices.count { lots[$0] < lots[index] || (lots[$0] == lots[index] && $0 < index) })
        }
    }
}

extension Double {
    /// The natural logarithm of a positive normal number, to about twelve digits: the same on every platform, which a C library's is not.
    var naturalLogarithm: Double {
        // ln((1 + x) / (1 - x)) = 2 (x + x³/3 + x⁵/5 + …), with a significand of at most √2 so that x stays below 0.172.
        var (power, fraction) = (Double(exponent), significand)
        if fraction > 1.4142135623730951 {
            fraction /= 2
            power += 1
        }
        let x = (fraction - 1) / (fraction + 1)
        let square = x * x
        var (term, sum) = (x, x)
        for divisor in stride(from: 3.0, through: 15, by: 2) {
            term *= square
            sum += term / divisor
        }
        return power * 0.6931471805599453 + 2 * sum
    }
}
