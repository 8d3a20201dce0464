import SandstormCore

/// Keeps retries a small share of the traffic, so that a provider's bad day is not made worse by everybody trying again: per tenant, so that
/// one tenant's failing runs leave the others theirs, and for all together.
///
/// Each request earns a share of a retry; a little is earned with time as well, so that a lone request may be tried again. What is earned
/// and not spent is kept up to a limit that follows the recent traffic. So from any point on: retries ≤ share × requests + floor × seconds
/// + what was kept, and what was kept ≤ ``burst`` + share × the recent requests.
///
/// Tenants are named by a number (a hash will do). Only the most recent are remembered; who was forgotten starts anew, within what all
/// together may.
package struct RetryBudget: Sendable {
    private let terms: Terms
    private var everybody: Account
    /// A table of sets of four: a tenant is in the set that its number falls into.
    private var tenants: [Account]

    /// - Parameters:
    ///   - sharePercent: how many retries a hundred requests earn.
    ///   - perSecond: how many a second earns, however little traffic there is.
    ///   - burst: how many may be kept although there was no recent traffic; also what one starts with.
    ///   - window: for how long requests count as recent.
    ///   - tenants: how many tenants are remembered at most.
    package init(
        sharePercent: Int = 20, perSecond: Double = 0.1, burst: Int = 10, window: Duration = .seconds(10), tenants: Int = 1024
    ) {
        terms = Terms(
            perRequest: Int64(max(0, sharePercent)) * 10, perSecond: Int64((max(0, perSecond) * 1000).rounded()),
            burst: Int64(max(0, burst)) * 1000,
            // A count that fades by half in each half-life settles at 1.44 half-lives' worth of events.
            halfLife: HalfLife(.milliseconds(window.wholeMilliseconds * 7 / 10)))
        everybody = Account(key: 0, credit: terms.burst)
        self.tenants = Array(repeating: Account(key: 0, credit: terms.burst), count: max(1, (tenants + 3) / 4) * 4)
    }

    /// In thousandths of a retry.
    private struct Terms: Sendable {
        let perRequest: Int64
        let perSecond: Int64
        let burst: Int64
        let halfLife: HalfLife
    }

    private struct Account: Hashable, Sendable {
        var key: UInt64
        var credit: Int64
        /// When it last earned by time, in milliseconds.
        var seen = Int64.min
        var requests = FadingCount()

        /// Less for who was not heard of for longer; the least for nobody.
        var lastUse: Int64 { seen == .min ? .min : requests.tick }

        mutating func earn(_ amount: Int64, isRequest: Bool, _ terms: Terms, at now: Moment) {
            let tick = terms.halfLife.tick(at: now)
            if isRequest { requests.add(at: tick) } else { requests.advance(to: tick) }
            var earned = amount
            if seen == .min {
                seen = now.milliseconds
            } else if terms.perSecond > 0, now.milliseconds > seen {
                let elapsed = min(now.milliseconds - seen, 86_400_000)
                let byTime = elapsed * terms.perSecond / 1000
                // What is less than a thousandth of a retry keeps its time for the next call.
                if byTime > 0 {
                    earned += byTime
                    seen = elapsed == 86_400_000 ? now.milliseconds : seen + byTime * 1000 / terms.perSecond
                }
            }
            credit = min(credit + earned, terms.burst + Int64(requests.value * Double(terms.perRequest)))
        }
    }

    /// A request of this tenant comes in for the first time.
    package mutating func requested(by tenant: UInt64, at now: Moment) {
        let index = slot(of: tenant)
        everybody.earn(terms.perRequest, isRequest: true, terms, at: now)
        tenants[index].earn(terms.perRequest, isRequest: true, terms, at: now)
    }

    /// Whether a retry is left for this tenant.
    package mutating func allows(_ tenant: UInt64, at now: Moment) -> Bool {
        let index = slot(of: tenant)
        everybody.earn(0, isRequest: false, terms, at: now)
        tenants[index].earn(0, isRequest: false, terms, at: now)
        return everybody.credit >= 1000 && tenants[index].credit >= 1000
    }

    /// Takes a retry for this tenant; `false` if none is left.
    package mutating func take(for tenant: UInt64, at now: Moment) -> Bool {
        guard allows(tenant, at: now) else { return false }
        everybody.credit -= 1000
        tenants[slot(of: tenant)].credit -= 1000
        return true
    }

    /// Where the tenant's account is; who was not seen for the longest makes room for a new one.
    private mutating func slot(of tenant: UInt64) -> Int {
        let first = Int(SeededGenerator.mix(tenant) % UInt64(tenants.count / 4)) * 4
        var oldest = first
        for index in first..<first + 4 {
            if tenants[index].key == tenant, tenants[index].seen != .min { return index }
            if tenants[index].lastUse < tenants[oldest].lastUse { oldest = index }
        }
        tenants[oldest] = Account(key: tenant, credit: terms.burst)
        return oldest
    }
}
