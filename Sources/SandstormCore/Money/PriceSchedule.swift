/// What a place charges for a sandbox, as its price list has it.
///
/// The charge for a sandbox is `perCreate` plus, for each started granule of its life (at least `minimum`), the sum of its
/// resources times their rates times `scale`. Everything is exact; the one rounding is up to the next nano-dollar, at the end.
public struct PriceSchedule: Hashable, Sendable {
    /// Per vCPU and second, times ``scale``.
    public var perVCPUSecond: Rate
    /// Per GiB of memory and second, times ``scale``.
    public var perGiBSecond: Rate
    /// Per GPU and second, by the GPU's type, times ``scale``.
    public var perGPUSecond: [String: Rate]
    /// Per GiB of disk and second, beyond what is free, times ``scale``.
    public var perDiskGiBSecond: Rate
    /// GiB of disk that cost nothing.
    public var freeDiskGiB: Int
    /// Once for each sandbox.
    public var perCreate: Money
    /// What every rate is multiplied by: 1 unless no whole number of pico-dollars a second would say the price, as with most prices by
    /// the hour. The amount of a charge comes from ``cost(of:for:)``, never from the rates alone.
    public var scale: Ratio
    /// Time is billed in whole multiples of this; at least 1 ms.
    public var granularity: Duration
    /// A sandbox is billed for at least this long.
    public var minimum: Duration

    /// Free but for what is given; `granularity` is raised to 1 ms, `minimum` and `freeDiskGiB` to zero.
    ///
    /// Where the rates times `scale` are whole numbers of pico-dollars, they are kept so, with a scale of 1.
    public init(
        perVCPUSecond: Rate = .zero, perGiBSecond: Rate = .zero, perGPUSecond: [String: Rate] = [:],
        perDiskGiBSecond: Rate = .zero, freeDiskGiB: Int = 0, perCreate: Money = .zero, scale: Ratio = .one,
        granularity: Duration = .milliseconds(1), minimum: Duration = .zero
    ) {
        self.perVCPUSecond = perVCPUSecond
        self.perGiBSecond = perGiBSecond
        self.perGPUSecond = perGPUSecond
        self.perDiskGiBSecond = perDiskGiBSecond
        self.freeDiskGiB = max(freeDiskGiB, 0)
        self.perCreate = perCreate
        self.scale = scale
        self.granularity = max(granularity, .milliseconds(1))
        self.minimum = max(minimum, .zero)
        foldScale()
    }

    private mutating func foldScale() {
        guard scale != .one, let vcpu = perVCPUSecond.times(scale), let memory = perGiBSecond.times(scale),
            let disk = perDiskGiBSecond.times(scale)
        else { return }
        var gpus: [String: Rate] = [:]
        for (type, rate) in perGPUSecond {
            guard let scaled = rate.times(scale) else { return }
            gpus[type] = scaled
        }
        (perVCPUSecond, perGiBSecond, perDiskGiBSecond, perGPUSecond, scale) = (vcpu, memory, disk, gpus, .one)
    }

    /// A price for vCPUs alone, by the hour.
    ///
    /// - Returns: `nil` for a negative price. What is below a pico-dollar per second is rounded up.
    public init?(perVCPUHour price: Money) {
        guard price >= .zero else { return nil }
        let (picodollars, overflow) = price.nanodollars.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return nil }
        self.init(perVCPUSecond: Rate(picodollars: picodollars / 3600 + (picodollars % 3600 == 0 ? 0 : 1)))
    }

    /// Costs nothing.
    public static let free = PriceSchedule()

    /// The charge for a sandbox of `resources` that lived for `duration`.
    ///
    /// `nil` if a GPU type has no rate here, or if the amount does not fit ``Money``.
    public func cost(of resources: Resources, for duration: Duration) -> Money? {
        let granule = Int128(granularity.wholeMilliseconds)
        let lived = Int128(max(duration, minimum).milliseconds(rounded: .up))
        return cost(of: resources, forMilliseconds: (lived + granule - 1) / granule * granule)
    }

    /// What `duration` alone costs by the list, with neither minimum nor granularity.
    ///
    /// `nil` in the same cases as ``cost(of:for:)``.
    public func listCost(of resources: Resources, for duration: Duration) -> Money? {
        cost(of: resources, forMilliseconds: Int128(max(duration, .zero).milliseconds(rounded: .up)))
    }

    private func cost(of resources: Resources, forMilliseconds billed: Int128) -> Money? {
        guard let rate = rate(of: resources) else { return nil }
        let (amount, overflow) = rate.multipliedReportingOverflow(by: billed)
        guard !overflow else { return nil }
        let (scaled, scaleOverflow) = amount.multipliedReportingOverflow(by: Int128(scale.numerator))
        guard !scaleOverflow else { return nil }
        let divisor = PriceSchedule.unitsPerNanodollar * Int128(scale.denominator)
        let (whole, rest) = scaled.quotientAndRemainder(dividingBy: divisor)
        guard let timed = Int64(exactly: whole + (rest > 0 ? 1 : 0)) else { return nil }
        let (total, carry) = timed.addingReportingOverflow(perCreate.nanodollars)
        return carry ? nil : Money(nanodollars: total)
    }

    /// The longest life of a sandbox of `resources` that costs at most `limit`.
    ///
    /// - Returns: `nil` if not even the shortest life is covered; ``Duration/longest`` if time costs nothing.
    public func longestDuration(of resources: Resources, within limit: Money) -> Duration? {
        guard let rate = rate(of: resources), limit >= perCreate else { return nil }
        guard rate > 0 else { return .longest }
        let granule = Int128(granularity.wholeMilliseconds)
        let units = Int128(limit.nanodollars - perCreate.nanodollars) * PriceSchedule.unitsPerNanodollar
        // Past 128 bits the limit is millions of dollars and the scale absurd: a shorter life than it would pay for is right enough.
        let (exact, isTooLarge) = units.multipliedReportingOverflow(by: Int128(scale.denominator))
        let budget = isTooLarge ? Int128.max : exact
        let (scaled, overflow) = rate.multipliedReportingOverflow(by: Int128(scale.numerator))
        let (price, carry) = scaled.multipliedReportingOverflow(by: granule)
        guard !overflow, !carry else { return nil }
        let milliseconds = budget / price * granule
        guard milliseconds > 0 else { return nil }
        let duration = Duration.milliseconds(Int64(min(milliseconds, Int128(Duration.longest.wholeMilliseconds))))
        guard let shortest = cost(of: resources, for: minimum), shortest <= limit else { return nil }
        return duration
    }

    /// What ``rate(of:)`` times milliseconds is divided by: 10³ pico-dollars, 10³ thousandths of a vCPU, 1024 MiB, 10³ ms.
    private static let unitsPerNanodollar: Int128 = 1_000_000_000 * 1024

    /// The price of a second of all resources together, in pico-dollars × 1000 × 1024, before ``scale``.
    private func rate(of resources: Resources) -> Int128? {
        var rate = Int128(perVCPUSecond.picodollars) * Int128(resources.milliCPU) * 1024
        rate += Int128(perGiBSecond.picodollars) * Int128(resources.memoryMiB) * 1000
        rate += Int128(perDiskGiBSecond.picodollars) * Int128(max(resources.diskGiB - freeDiskGiB, 0)) * 1_024_000
        if let gpu = resources.gpu {
            guard let perGPU = perGPUSecond[gpu.type] else { return nil }
            rate += Int128(perGPU.picodollars) * Int128(gpu.count) * 1_024_000
        }
        return rate
    }
}

/// What of a machine a sandbox occupies.
public struct Resources: Hashable, Sendable {
    /// Thousandths of a vCPU.
    public var milliCPU: Int
    /// Memory in MiB.
    public var memoryMiB: Int
    /// Disk in GiB.
    public var diskGiB: Int
    /// GPUs, if any.
    public var gpu: GPURequest?

    /// Checks nothing; the bounds are those of a spec, ``SandboxSpec/Limits``.
    public init(milliCPU: Int, memoryMiB: Int, diskGiB: Int, gpu: GPURequest? = nil) {
        self.milliCPU = milliCPU
        self.memoryMiB = memoryMiB
        self.diskGiB = diskGiB
        self.gpu = gpu
    }
}

/// GPUs of one type.
public struct GPURequest: Hashable, Sendable {
    /// The type as price lists name it: `A100-80GB`, `H100`, `L4`.
    public var type: String
    /// How many; at least one.
    public var count: Int

    /// One GPU by default.
    public init(type: String, count: Int = 1) {
        self.type = type
        self.count = count
    }
}
