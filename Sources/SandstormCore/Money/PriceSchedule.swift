/// What a place charges for a sandbox, as its price list has it.
///
/// The charge for a sandbox is `perCreate` plus, for each started granule of its life (at least `minimum`), the sum of its
/// resources times their rates. Everything is exact; the one rounding is up to the next nano-dollar, at the end.
public struct PriceSchedule: Hashable, Sendable {
    /// Per vCPU and second.
    public var perVCPUSecond: Rate
    /// Per GiB of memory and second.
    public var perGiBSecond: Rate
    /// Per GPU and second, by the GPU's type.
    public var perGPUSecond: [String: Rate]
    /// Per GiB of disk and second.
    public var perDiskGiBSecond: Rate
    /// Once for each sandbox.
    public var perCreate: Money
    /// Time is billed in whole multiples of this; at least 1 ms.
    public var granularity: Duration
    /// A sandbox is billed for at least this long.
    public var minimum: Duration

    /// Free but for what is given; `granularity` is raised to 1 ms and `minimum` to zero.
    public init(
        perVCPUSecond: Rate = .zero, perGiBSecond: Rate = .zero, perGPUSecond: [String: Rate] = [:],
        perDiskGiBSecond: Rate = .zero, perCreate: Money = .zero,
        granularity: Duration = .milliseconds(1), minimum: Duration = .zero
    ) {
        self.perVCPUSecond = perVCPUSecond
        self.perGiBSecond = perGiBSecond
        self.perGPUSecond = perGPUSecond
        self.perDiskGiBSecond = perDiskGiBSecond
        self.perCreate = perCreate
        self.granularity = max(granularity, .milliseconds(1))
        self.minimum = max(minimum, .zero)
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
        guard let rate = rate(of: resources) else { return nil }
        let granule = Int128(granularity.wholeMilliseconds)
        let lived = Int128(max(duration, minimum).milliseconds(rounded: .up))
        let billed = (lived + granule - 1) / granule * granule
        // rate is in pico-dollars × 1000 (milli-units) per second; billed is in milliseconds: 10⁹ to reach nano-dollars.
        let nanos = (rate * billed + 999_999_999) / 1_000_000_000
        guard let timed = Int64(exactly: nanos) else { return nil }
        let (total, overflow) = timed.addingReportingOverflow(perCreate.nanodollars)
        return overflow ? nil : Money(nanodollars: total)
    }

    /// The longest life of a sandbox of `resources` that costs at most `limit`.
    ///
    /// - Returns: `nil` if not even the shortest life is covered; ``Duration/longest`` if time costs nothing.
    public func longestDuration(of resources: Resources, within limit: Money) -> Duration? {
        guard let rate = rate(of: resources), limit >= perCreate else { return nil }
        guard rate > 0 else { return .longest }
        let granule = Int128(granularity.wholeMilliseconds)
        let budget = Int128(limit.nanodollars - perCreate.nanodollars) * 1_000_000_000
        let milliseconds = budget / (rate * granule) * granule
        guard milliseconds > 0 else { return nil }
        let duration = Int64(exactly: milliseconds).map { Duration.milliseconds(min($0, Duration.longest.wholeMilliseconds)) }
        guard let duration, let shortest = cost(of: resources, for: minimum), shortest <= limit else { return nil }
        return duration
    }

    /// Pico-dollars × 1000 per second for all resources together.
    private func rate(of resources: Resources) -> Int128? {
        var rate = Int128(perVCPUSecond.picodollars) * Int128(resources.milliCPU)
        // 1000/1024: milli-GiB of a MiB, kept exact by scaling the whole product.
        rate += (Int128(perGiBSecond.picodollars) * Int128(resources.memoryMiB) * 1000 + 1023) / 1024
        rate += Int128(perDiskGiBSecond.picodollars) * Int128(resources.diskGiB) * 1000
        if let gpu = resources.gpu {
            guard let perGPU = perGPUSecond[gpu.type] else { return nil }
            rate += Int128(perGPU.picodollars) * Int128(gpu.count) * 1000
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
