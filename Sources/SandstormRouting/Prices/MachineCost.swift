package import SandstormCore

/// What a machine of one's own costs, shared out among the sandboxes on it.
///
/// The hour of a machine is its running price (rent, power, a cloud's node price) plus its purchase over the months that it serves, of
/// 730 hours each. That is divided by what the machine holds, and by how much of it is in use on average: what lies idle is paid for by
/// what does not. `cpuShare` of it is for the vCPUs and the rest for the memory, so that a full machine brings in exactly its cost.
package struct MachineCost: Hashable, Sendable {
    package var perHour: Rate = .zero
    package var purchase: Rate = .zero
    package var months = 36
    package var milliCPU: Int
    /// `nil` if memory costs nothing by itself.
    package var memoryMiB: Int?
    package var cpuShare: Ratio?
    package var utilisation = Ratio.one

    package static let hoursPerMonth = 730

    package init(milliCPU: Int, memoryMiB: Int? = nil) {
        self.milliCPU = milliCPU
        self.memoryMiB = memoryMiB
    }

    /// The prices of a vCPU and of a GiB for an hour, each rounded up to the next pico-dollar; `nil` if they don't fit.
    package var hourly: (vcpu: Rate, gib: Rate)? {
        guard let memoryMiB else { return share(.one, of: milliCPU, unit: 1000).map { ($0, .zero) } }
        let share = cpuShare ?? MachineCost.half
        guard let vcpu = self.share(share, of: milliCPU, unit: 1000) else { return nil }
        guard share != .one else { return (vcpu, .zero) }
        guard let rest = Ratio(share.denominator - share.numerator, share.denominator) else { return nil }
        return self.share(rest, of: memoryMiB, unit: 1024).map { (vcpu, $0) }
    }

    private static let half = Ratio(1, 2) ?? .one

    /// The price of one unit, if `part` of the machine's price is for `count` thousandths (or MiB) of it.
    private func share(_ part: Ratio, of count: Int, unit: Int) -> Rate? {
        let hours = Int128(months * MachineCost.hoursPerMonth)
        var upper = Int128(perHour.picodollars) * hours + Int128(purchase.picodollars)
        for factor in [part.numerator, utilisation.denominator, Int64(unit)] {
            let (product, overflow) = upper.multipliedReportingOverflow(by: Int128(factor))
            guard !overflow else { return nil }
            upper = product
        }
        let (partial, overflow) = (hours * Int128(part.denominator)).multipliedReportingOverflow(by: Int128(utilisation.numerator))
        let (lower, carry) = partial.multipliedReportingOverflow(by: Int128(count))
        guard !overflow, !carry, lower > 0 else { return nil }
        let (whole, rest) = upper.quotientAndRemainder(dividingBy: lower)
        return Int64(exactly: whole + (rest > 0 ? 1 : 0)).map(Rate.init(picodollars:))
    }
}
