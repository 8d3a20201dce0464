package import SandstormCore

/// A made-up stretch of time: who asks for what, what is on offer, and how that changes. Read from JSON; `docs/routing-quality.md` has
/// the form.
package struct Scenario: Sendable {
    package var name: String
    package var seed: UInt64 = 1
    /// The instant at which it begins.
    package var start: Microseconds = 0
    package var length: Microseconds = .hours(6)
    package var patience: Microseconds = .minutes(1)
    package var promisedStart: Microseconds = .seconds(2)
    package var resources = Resources(milliCPU: 1000, memoryMiB: 1024, diskGiB: 0)
    package var workloads: [Workload] = []
    package var arrivals = Arrivals()
    package var offers: [Place] = []
    package var changes: [Change] = []

    /// A kind of work.
    package struct Workload: Sendable {
        package var name: String
        /// How often it is asked for, against the others.
        package var share = 1.0
        package var duration: Spread
        package var isIdempotent = false
    }

    /// How often requests come.
    package struct Arrivals: Sendable {
        package var perSecond = 1.0
        /// Other rates for some of the time; of several at once the last counts.
        package var phases: [(window: Window, perSecond: Double)] = []
        /// Many at the same instant.
        package var bursts: [(window: Window, count: Int)] = []
    }

    /// A stretch of a scenario's time, once or again and again.
    package struct Window: Sendable {
        package var from: Microseconds
        package var until: Microseconds
        /// From the begin of one to the begin of the next.
        package var every: Microseconds?

        /// Each time that it comes within a scenario's length.
        func occurrences(within length: Microseconds) -> [(from: Microseconds, until: Microseconds)] {
            guard let every else { return from < length ? [(from, min(until, length))] : [] }
            return stride(from: from, to: length, by: Int64.Stride(every)).map { ($0, min($0 + until - from, length)) }
        }
    }

    /// One offer and how it does when nothing is changed.
    package struct Place: Sendable {
        package var id: String
        package var provider: String
        package var region: String?
        package var price: PriceSchedule
        /// What the vendor says of its start.
        package var listedStart: Microseconds
        package var conditions: Conditions
    }

    /// How an offer does.
    package struct Conditions: Sendable {
        package var start: Spread
        package var startFactor = 1.0
        package var priceFactor = 1.0
        package var failures: [FailureModel] = []
        package var limit: Limit?
        package var evictionsPerHour = 0.0
        package var isOnSale = true
    }

    /// One way to fail.
    package struct FailureModel: Sendable {
        package var code: ProviderError.Code
        package var chance: Double
        /// Until it shows, give or take a fifth.
        package var after: Microseconds
        package var retryAfter: Microseconds?
    }

    /// Other conditions for some of the time.
    package struct Change: Sendable {
        /// By their ids; all if none are named.
        package var offers: [String] = []
        package var window: Window
        /// Factors multiply with those of other changes; the values at the end are reached in steps.
        package var startFactor = 1.0
        package var startFactorAtEnd: Double?
        package var priceFactor = 1.0
        package var priceFactorAtEnd: Double?
        /// These replace.
        package var start: Spread?
        package var failures: [FailureModel]?
        package var limit: Limit?
        package var evictionsPerHour: Double?
        package var isOnSale: Bool?

        /// In how many steps a drift goes.
        static let steps = 24

        var isDrift: Bool { startFactorAtEnd != nil || priceFactorAtEnd != nil }

        func applied(to conditions: Conditions, progress: Double) -> Conditions {
            var changed = conditions
            changed.startFactor *= startFactor + ((startFactorAtEnd ?? startFactor) - startFactor) * progress
            changed.priceFactor *= priceFactor + ((priceFactorAtEnd ?? priceFactor) - priceFactor) * progress
            if let start { changed.start = start }
            if let failures { changed.failures = failures }
            if let limit { changed.limit = limit }
            if let evictionsPerHour { changed.evictionsPerHour = evictionsPerHour }
            if let isOnSale { changed.isOnSale = isOnSale }
            return changed
        }
    }
}
