package import SandstormCore

/// The prices of one product of one provider, with where each figure is from.
package struct PriceEntry: Hashable, Sendable {
    /// What is sold.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case sandbox
        /// Code that the provider calls by itself: dearer or cheaper than a sandbox, and no place for one.
        case function
        /// A machine of one's own.
        case machine
    }

    /// Something with its provenance.
    package struct Sourced<Value: Hashable & Sendable>: Hashable, Sendable {
        package var value: Value
        package var provenance: PriceProvenance
    }

    /// A price as it is published, which need not be by the second.
    package struct Figure: Hashable, Sendable {
        /// Dollars in pico-dollars, for `units` over the time that `perSecond` makes a second of.
        package var amount: Rate
        package var perSecond: Ratio
        /// For how many units: a physical core is two vCPUs.
        package var units: Int

        /// What the amount is multiplied by to have the price of one unit for a second; `nil` past ``Ratio/limit``.
        var scale: Ratio? { Ratio(1, Int64(units)).flatMap { perSecond.times($0) } }
    }

    /// What the provider gives at most and in what steps.
    package struct Limits: Hashable, Sendable {
        package var leastMilliCPU = 0
        package var mostMilliCPU: Int?
        package var stepMilliCPU = 1
        package var leastMemoryMiB = 0
        package var mostMemoryMiB: Int?
        package var stepMemoryMiB = 1
        package var mostDiskGiB: Int?
        package var mostGPUs: Int?
    }

    /// What a sandbox costs while it is paused or stopped.
    package enum Paused: String, Hashable, Sendable, CaseIterable {
        case free
        /// Its disk, and its memory if that is kept.
        case storage
        case full
    }

    package var id: PriceID
    /// The name for people.
    package var title: String
    package var kind: Kind
    /// Why there is no price, and what the operator may do about it; `nil` if there is one.
    package var unpublished: String?
    package var cpu: Sourced<Figure>?
    package var memory: Sourced<Figure>?
    package var disk: Sourced<Figure>?
    package var gpus: [String: Sourced<Figure>] = [:]
    package var create: Sourced<Money>?
    package var freeDiskGiB: Sourced<Int>?
    package var granularity: Sourced<Duration>?
    package var minimum: Sourced<Duration>?
    package var paused: Sourced<Paused>?
    /// What a region costs, as a multiple. Empty if there is one price everywhere; the price without a region is always there.
    package var regions: [String: Sourced<Ratio>] = [:]
    package var limits: Sourced<Limits>?
    package var limitsWithGPU: Sourced<Limits>?
    /// What else is to be known of these prices.
    package var notes: [String] = []
    /// The entry as it was written.
    package var json: JSONValue

    /// Everything in it that has a source.
    package var provenances: [PriceProvenance] {
        var all = [cpu?.provenance, memory?.provenance, disk?.provenance, create?.provenance, freeDiskGiB?.provenance]
        all += [granularity?.provenance, minimum?.provenance, paused?.provenance, limits?.provenance, limitsWithGPU?.provenance]
        return all.compactMap(\.self) + gpus.values.map(\.provenance) + regions.values.map(\.provenance)
    }
}

/// The name of an entry: a provider and one of its products. Written `modal` for its sandboxes, `modal.function` for another product.
package struct PriceID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let provider: ProviderID
    package let product: String

    package static let standardProduct = "sandbox"

    package init(_ provider: ProviderID, _ product: String = PriceID.standardProduct) {
        self.provider = provider
        self.product = product
    }

    /// Reads a name; `nil` if it is none.
    package init?(parsing text: String) {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ part in !part.isEmpty && part.utf8.count <= 64 && part.utf8.allSatisfy(PriceID.isAllowed) }) else {
            return nil
        }
        self.init(ProviderID(parts[0]), parts.count > 1 ? parts[1] : PriceID.standardProduct)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"), UInt8(ascii: "_"): true
        default: false
        }
    }

    package var description: String {
        product == PriceID.standardProduct ? provider.rawValue : "\(provider.rawValue).\(product)"
    }

    package static func < (left: PriceID, right: PriceID) -> Bool { left.description < right.description }
}
