import Foundation

/// Chance that is looked up rather than drawn in turn: what is asked names the answer, so that every policy meets the same luck
/// whatever it did before.
package struct Chance: Sendable {
    private let seed: UInt64

    package init(seed: UInt64) { self.seed = Chance.mixed(seed &+ 0x9E37_79B9_7F4A_7C15) }

    /// The source of everything that has to do with `key`.
    package func of(_ key: Int) -> Chance { Chance(seed: seed ^ Chance.mixed(UInt64(bitPattern: Int64(key)) &+ 0x632B_E59B_D9B4_E019)) }

    /// Evenly distributed in 0 ..< 1.
    package var uniform: Double { Double(bits >> 11) * 0x1p-53 }

    /// Normally distributed around 0 with deviation 1.
    package var normal: Double {
        let radius = (-2 * log(1 - of(1).uniform)).squareRoot()
        return radius * cos(2 * .pi * of(2).uniform)
    }

    /// The logarithm of an even draw that is never zero.
    package var logarithm: Double { log(1 - uniform) }

    /// An index in 0 ..< `count`.
    package func index(below count: Int) -> Int { Int(bits.multipliedFullWidth(by: UInt64(count)).high) }

    package var bits: UInt64 { Chance.mixed(seed) }

    /// SplitMix64's finaliser.
    private static func mixed(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Chance drawn in turn, for whoever needs a stream of it: a policy that chooses at random, a generator of arrivals.
package struct ChanceStream: Sendable {
    private let chance: Chance
    private var count = 0

    package init(_ chance: Chance) { self.chance = chance }

    package mutating func next() -> Chance {
        count += 1
        return chance.of(count)
    }
}
