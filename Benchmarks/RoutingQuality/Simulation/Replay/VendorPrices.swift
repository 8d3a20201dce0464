package import SandstormCore

/// List prices of the vendors in the records, per vCPU-second and GiB-second.
///
/// E2B, Daytona and Modal are as published; the others are stand-ins of the same order, since what the replay needs is that places differ.
/// All are billed by the second. A vendor that is not in the list costs what E2B costs.
package enum VendorPrices {
    package static let resources = Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 0)

    package static func schedule(of vendor: String) -> PriceSchedule {
        let (cpu, memory) = picodollars[vendor] ?? (14_000_000, 4_500_000)
        return PriceSchedule(
            perVCPUSecond: Rate(picodollars: cpu), perGiBSecond: Rate(picodollars: memory), granularity: .seconds(1))
    }

    private static let picodollars: [String: (cpu: Int64, memory: Int64)] = [
        // Published: $0.000014 per vCPU-second, $0.0000045 per GiB-second.
        "e2b": (14_000_000, 4_500_000),
        // Published: $0.0504 per vCPU-hour, $0.0162 per GiB-hour.
        "daytona": (14_000_000, 4_500_000),
        // Published: $0.00003942 per physical core (two vCPUs) and second for sandboxes, $0.00000667 per GiB-second.
        "modal": (19_710_000, 6_670_000),
        // Stand-ins.
        "blaxel": (13_000_000, 6_000_000), "cloudflare": (20_000_000, 2_500_000), "codesandbox": (20_000_000, 5_000_000),
        "hopx": (14_000_000, 4_500_000), "just-bash": (5_000_000, 2_000_000), "namespace": (16_000_000, 4_000_000),
        "railway": (8_000_000, 4_000_000), "render": (8_000_000, 4_000_000), "runloop": (30_000_000, 7_000_000),
        "vercel": (35_000_000, 6_000_000),
    ]
}
