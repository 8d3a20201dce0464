import SandstormCore
package import SandstormRouting

/// Measured starts as a world: one request per day and iteration, whose create at a provider comes to what that provider's row of that
/// day and iteration says.
///
/// A further try of the same request at the same provider gets another row of that day, by the seed. What has no row that day is not on
/// offer. The clouds were measured one after another, so their failures look more independent here than they may be.
package struct ReplayWorld: World {
    package let offerCount: Int
    package let requests: [SimulatedRequest]
    package let workloads: [WorkloadClass]
    package let markets: [Market]

    private let days: [StartRecords.Day]
    /// By request: the day's index and the iteration.
    private let origins: [(day: Int, iteration: Int)]
    private let errors: ErrorModel
    private let chance: Chance

    /// How long each run's code takes; what is measured is its start.
    private static let duration: Microseconds = .seconds(10)
    /// When a day's measuring begins: noon, UTC.
    private static let hour: Microseconds = .hours(12)

    /// - Parameter arrivals: come instead of the mode's own: the trace is cut into as many pieces of equal number as there are days, a
    ///   piece plays at its own pace on its day, and the iterations go by in the order of its requests.
    package init(
        _ records: StartRecords, mode: StartRecords.Mode, arrivals: ArrivalTrace? = nil, errors: ErrorModel = ErrorModel(), seed: UInt64 = 0
    ) {
        days = records.days[mode] ?? []
        offerCount = records.providers.count
        self.errors = errors
        chance = Chance(seed: seed)
        markets = days.map { day in
            let present = records.providers.indices.filter { !day.rows[$0].isEmpty }
            return Market(since: day.instant, offers: present.map { ($0, ReplayWorld.offer(of: records.providers[$0])) })
        }
        var requests: [SimulatedRequest] = []
        var origins: [(day: Int, iteration: Int)] = []
        if let arrivals {
            let names = Set(arrivals.arrivals.map(\.workload)).sorted()
            workloads = names.map { WorkloadClass(named: [$0]) }
            let indices = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
            for (number, arrival) in arrivals.arrivals.enumerated() where !days.isEmpty {
                let day = number * days.count / arrivals.arrivals.count
                let first = (day * arrivals.arrivals.count + days.count - 1) / days.count
                let end = ((day + 1) * arrivals.arrivals.count + days.count - 1) / days.count
                let iteration = (number - first) * days[day].iterations / (end - first)
                let instant = days[day].instant + ReplayWorld.hour + arrival.offset - arrivals.arrivals[first].offset
                requests.append(
                    SimulatedRequest(
                        id: number, arrival: instant, workload: indices[arrival.workload] ?? 0,
                        duration: arrival.duration ?? ReplayWorld.duration))
                origins.append((day, iteration))
            }
        } else {
            workloads = [WorkloadClass(named: ["command"])]
            for (index, day) in days.enumerated() {
                for iteration in 0..<day.iterations {
                    let gap: Microseconds = mode == .staggered ? .milliseconds(200) * Microseconds(iteration) : 0
                    requests.append(
                        SimulatedRequest(
                            id: requests.count, arrival: day.instant + ReplayWorld.hour + gap,
                            isChained: mode == .sequential && iteration > 0, duration: ReplayWorld.duration))
                    origins.append((index, iteration))
                }
            }
        }
        self.requests = requests
        self.origins = origins
    }

    private static func offer(of vendor: String) -> Offer {
        // Nothing is known of anybody's speed beforehand.
        Offer(
            id: "\(vendor)/list", provider: ProviderID(vendor), resources: VendorPrices.resources, isolation: .standard,
            price: VendorPrices.schedule(of: vendor), startLatency: .seconds(1))
    }

    package func draw(_ request: SimulatedRequest, on offer: Int, try number: Int, at instant: Microseconds) -> Draw {
        let (day, iteration) = origins[request.id]
        let rows = days[day].rows[offer]
        guard !rows.isEmpty else { return .failure(.noCapacity, after: .milliseconds(120)) }
        var row = chance.of(request.id).of(offer).of(number).index(below: rows.count)
        if number == 0 {
            // Mostly at its own index; a day that was measured twice, or with fewer creates, has it elsewhere or not at all.
            if iteration < rows.count, rows[iteration].iteration == iteration {
                row = iteration
            } else if let found = rows.firstIndex(where: { $0.iteration == iteration }) {
                row = found
            }
        } else if rows.count > 1, rows[row].iteration == iteration {
            row = (row + 1) % rows.count
        }
        if let error = rows[row].error { return errors.draw(error) }
        return .start(after: rows[row].start ?? 0)
    }

    /// The date and iteration that a request stands for.
    package func origin(of request: Int) -> (date: String, iteration: Int) {
        (days[origins[request].day].date, origins[request].iteration)
    }

    /// The providers' indices from the lowest to the highest median start over the whole replay, a failure counting as never: what
    /// somebody would write down who had read all these measurements before.
    package var fastestByHindsight: [Int] {
        let medians = (0..<offerCount).map { offer in
            let starts = days.flatMap { $0.rows[offer] }.map { $0.start ?? .max }.sorted()
            return starts.isEmpty ? Microseconds.max : starts[starts.count / 2]
        }
        return (0..<offerCount).sorted { (medians[$0], $0) < (medians[$1], $1) }
    }
}
