package import SandstormCore

/// A breaker opened, closed or lets probes through.
package struct BreakerChange: Hashable, Sendable {
    package var provider: ProviderID
    package var account: String
    package var region: String?
    package var change: CircuitBreaker.Change
}

/// A place was taken out for a while, as it stood out of the others.
package struct EjectionChange: Hashable, Sendable {
    package var provider: ProviderID
    package var offer: String
    package var cause: OutlierEjection.Change.Cause
    package var until: Moment
}

/// A breaker that is not closed.
package struct BreakerReport: Hashable, Sendable {
    package var provider: ProviderID
    package var account: String
    package var region: String?
    package var state: CircuitBreaker.State
    /// Until when it is open.
    package var until: Moment?
}

extension Router {
    mutating func note(_ change: CircuitBreaker.Change?, of breaker: Int) {
        guard let change else { return }
        let name = breakerNames[breaker]
        // Whoever never asks is not to fill the memory.
        if changes.count < 1000 {
            changes.append(BreakerChange(provider: name.provider, account: name.account, region: name.region, change: change))
        }
    }

    /// The changes since this was last asked, oldest first.
    package mutating func takeBreakerChanges() -> [BreakerChange] {
        defer { changes = [] }
        return changes
    }

    /// The breakers that are not closed.
    package func openBreakers(at now: Moment) -> [BreakerReport] {
        breakers.indices.compactMap { index in
            let state = breakers[index].state(at: now)
            guard state != .closed else { return nil }
            let name = breakerNames[index]
            return BreakerReport(
                provider: name.provider, account: name.account, region: name.region, state: state,
                until: breakers[index].opensUntil(at: now))
        }
    }

    /// What an active probe of an account found, which took from `begun` to now. Without a region, it speaks for all regions.
    package mutating func probed(
        _ provider: ProviderID, account: String, region: String? = nil, healthy: Bool, begun: Moment, at now: Moment
    ) {
        for index in breakers.indices {
            let name = breakerNames[index]
            guard name.provider == provider, name.account == account, region == nil || name.region == region,
                breakers[index].state(at: now) != .closed
            else { continue }
            note(breakers[index].began(at: begun, under: configuration.breaker), of: index)
            let change =
                healthy
                ? breakers[index].succeeded(begun: begun, at: now, under: configuration.breaker, using: &generator)
                : breakers[index].failed(.unavailable, begun: begun, at: now, under: configuration.breaker, using: &generator)
            note(change, of: index)
        }
    }
}
