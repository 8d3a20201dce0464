import SandstormCore

/// How long runs of a class take, and how much slower than others they start, learned for each class and those around it.
///
/// Everything is on a logarithmic scale: one run of an hour among runs of a second moves what is expected by little. A class of which little
/// is known is taken to be like the one around it.
struct WorkloadModel: Sendable {
    private struct Cell: Sendable {
        /// The logarithm of the run time in milliseconds.
        var duration = FadingMean()
        /// The logarithm of the start's time against what is usual at its place.
        var startup = FadingMean()
        var used: Int64 = 0
    }

    /// What a run of a class is like.
    struct Expectation: Hashable, Sendable {
        var duration: Duration
        /// How much longer than usual its start takes anywhere: 1 is as usual.
        var startup: Float
        /// How many observations that rests on, fewer the older they are.
        var evidence: Double
    }

    private var cells: [UInt64: Cell] = [:]
    private var clock: Int64 = 0
    private let capacity: Int

    init(capacity: Int = 8192) { self.capacity = capacity }

    /// What counts before anything is known: ten seconds, give or take a factor of four.
    private static let prior = (mean: Logarithm.natural(10_000), variance: 1.0, weight: 1.0)
    private static let shrinkage = 3.0
    private static let startupShrinkage = 10.0

    func expectation(of workload: WorkloadClass) -> Expectation {
        var (mean, variance, startup) = (WorkloadModel.prior.mean, WorkloadModel.prior.variance, 0.0)
        var evidence = 0.0
        for level in workload.levels.reversed() {
            guard let cell = cells[level] else { continue }
            variance = cell.duration.variance(prior: variance, weight: WorkloadModel.shrinkage)
            mean = cell.duration.mean(prior: mean, weight: WorkloadModel.shrinkage)
            // What all work has in common is the places' own.
            if level != WorkloadClass.everything { startup = cell.startup.mean(prior: startup, weight: WorkloadModel.startupShrinkage) }
            evidence = cell.duration.weight
        }
        // The mean of what is spread evenly on a logarithmic scale; a spread that is wide for want of data must not blow it up.
        let expected = Logarithm.exponential(mean + min(variance, 1) / 2)
        return Expectation(
            duration: evidence == 0 ? Router.usualDuration : .milliseconds(Int64(min(expected, 1e9))),
            startup: Float(Logarithm.exponential(startup)), evidence: evidence)
    }

    /// - Returns: the logarithm of how much longer than expected the run took.
    mutating func ran(_ workload: WorkloadClass, for duration: Duration) -> Double {
        let value = Logarithm.natural(Double(max(1, duration.wholeMilliseconds)))
        let surprise = value - Logarithm.natural(Double(max(1, expectation(of: workload).duration.wholeMilliseconds)))
        update(workload) { $0.duration.add(value) }
        return surprise
    }

    /// - Parameter usual: how long a start takes at that place in the middle.
    mutating func started(_ workload: WorkloadClass, after duration: Duration, usual: Duration) {
        let ratio = Double(max(1, duration.wholeMilliseconds)) / Double(max(1, usual.wholeMilliseconds))
        // One start that hung says nothing of its class.
        let surprise = min(2, max(-2, Logarithm.natural(ratio)))
        update(workload) { $0.startup.add(surprise) }
    }

    private mutating func update(_ workload: WorkloadClass, _ body: (inout Cell) -> Void) {
        clock += 1
        for level in workload.levels {
            if cells[level] == nil, cells.count >= capacity { evict() }
            body(&cells[level, default: Cell()])
            cells[level]?.used = clock
        }
    }

    /// Forgets the quarter that was not used for longest.
    private mutating func evict() {
        let limit = cells.values.map(\.used).sorted()[capacity / 4]
        cells = cells.filter { $0.value.used > limit || $0.key == WorkloadClass.everything }
    }
}

extension WorkloadModel {
    var kept: JSONValue {
        .array(
            cells.sorted { $0.value.used < $1.value.used }.map { key, cell in
                [.string(String(key, radix: 16)), cell.duration.kept, cell.startup.kept]
            })
    }

    /// Restores what ``kept`` gave; what is nothing of the kind is passed over.
    init(kept: JSONValue, capacity: Int = 8192) {
        self.init(capacity: capacity)
        for entry in (kept.arrayValue ?? []).suffix(capacity) {
            guard let parts = entry.arrayValue, parts.count == 3, let key = parts[0].stringValue.flatMap({ UInt64($0, radix: 16) }),
                let duration = FadingMean(kept: parts[1]), let startup = FadingMean(kept: parts[2])
            else { continue }
            clock += 1
            cells[key] = Cell(duration: duration, startup: startup, used: clock)
        }
    }
}
