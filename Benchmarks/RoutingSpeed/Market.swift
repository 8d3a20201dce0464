import SandstormCore
import SandstormRouting

/// Offers and work to measure with.
enum Market {
    static let regions = (0..<50).map { "region-\($0)" }

    /// `count` offers of as many accounts, spread over the regions, no two alike in price.
    static func providers(_ count: Int) -> [ProviderOffers] {
        (0..<count).map { number in
            let offer = Offer(
                id: "provider-\(number)/list", provider: ProviderID("provider-\(number)"), region: regions[number % regions.count],
                resources: Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 0), isolation: number % 3 == 0 ? .standard : .strong,
                price: PriceSchedule(
                    perVCPUSecond: Rate(picodollars: 10_000_000 + Int64(number * 7919 % 10_007) * 1000),
                    perGiBSecond: Rate(picodollars: 4_000_000), granularity: .seconds(1)),
                startLatency: .milliseconds(200 + number * 37 % 1800))
            return ProviderOffers(provider: offer.provider, offers: [offer])
        }
    }

    static func request(_ objective: Constraints.Objective, region: String? = nil, workload: Int = 0) -> RoutingRequest {
        RoutingRequest(Constraints(objective: objective), region: region, workload: workloads[workload % workloads.count])
    }

    /// A thousand tenants' work in ten languages, nested as real classes are.
    static let workloads = (0..<1000).map { number in
        WorkloadClass(named: ["tenant-\(number)", "sized-\(number % 40)", "packages-\(number % 20)", "language-\(number % 10)"])
    }
}
