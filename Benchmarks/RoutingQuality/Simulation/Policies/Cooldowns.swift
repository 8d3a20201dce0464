import SandstormCore

/// Which offers to leave alone after failures, as gateways for language models do it.
///
/// What says of itself that it will fail for everybody (quota, rate, credentials) is left alone at once; anything else after more than
/// `allowedFailures` within a minute. Nothing is probed: after the time it is back.
struct Cooldowns {
    private let time: Microseconds
    private let allowedFailures: Int
    private var until: [Int: Microseconds] = [:]
    private var failures: [Int: [Microseconds]] = [:]

    init(for time: Microseconds, allowedFailures: Int) {
        self.time = time
        self.allowedFailures = allowedFailures
    }

    mutating func addFailure(_ code: ProviderError.Code, of offer: Int, retryAfter: Duration?, at now: Microseconds) {
        switch code {
        case .quotaExceeded, .outOfCredit, .rateLimited, .unauthenticated, .forbidden, .unsupported:
            until[offer] = now + max(time, retryAfter.map { Microseconds($0) } ?? 0)
        default:
            var recent = failures[offer, default: []].filter { now - $0 < .minutes(1) }
            recent.append(now)
            failures[offer] = recent
            if recent.count > allowedFailures { until[offer] = now + time }
        }
    }

    func isCooling(_ offer: Int, at now: Microseconds) -> Bool { until[offer].map { $0 > now } ?? false }

    /// Those that may be used; if all are cooling, all, since an answer that might come is better than none.
    func usable(of offers: [Int], at now: Microseconds) -> [Int] {
        let usable = offers.filter { !isCooling($0, at: now) }
        return usable.isEmpty ? offers : usable
    }
}
