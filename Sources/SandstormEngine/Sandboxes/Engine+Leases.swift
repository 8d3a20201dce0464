package import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How long living sandboxes live.
extension Engine {
    /// Sets the lease to end `duration` from now, earlier or later than before.
    ///
    /// - Parameter onlyLater: leave a lease as it is that ends later by itself.
    package func renew(
        _ id: SandboxID, for duration: Duration, onlyLater: Bool = false, by principal: Principal
    ) async throws(EngineError) -> SandboxInfo {
        try check(duration)
        let living = try await living(id, for: principal)
        return try await living.turnstile.pass { () async throws(EngineError) in
            let place = try living.place(evenPaused: true)
            let lease = Date.thisMillisecond.addingTimeInterval(duration.inSeconds)
            if !onlyLater || lease > living.lease { try await renew(living, in: place, until: lease) }
            return living.info
        }
    }

    private func renew(_ living: LivingSandbox, in place: LivingSandbox.Place, until lease: Date) async throws(EngineError) {
        try checkCost(of: place, until: lease)
        let earlier = living.lease
        try await living.setLease(lease)
        do throws(EngineError) {
            let end = living.endAtPlace(of: lease)
            try await ask(living) { () async throws(ProviderError) in try await place.sandbox.extend(to: end) }
        } catch {
            try await living.setLease(earlier)
            throw error
        }
    }

    private func check(_ duration: Duration) throws(EngineError) {
        let limits = SandboxSpec.Limits.timeout
        guard !limits.contains(duration) else { return }
        throw EngineError(
            InvalidRequest(
                "/timeout", "is out of range",
                remedy: "send \(limits.lowerBound.wholeMilliseconds) to \(limits.upperBound.wholeMilliseconds) milliseconds"))
    }

    private func checkCost(of place: LivingSandbox.Place, until lease: Date) throws(EngineError) {
        guard let limit = place.costLimit, ContinuousClock.now + .seconds(lease.timeIntervalSinceNow) > limit.end else { return }
        let left = max(0, ContinuousClock.now.duration(to: limit.end).wholeMilliseconds)
        throw EngineError(
            InvalidRequest(
                "/timeout", "would let the sandbox cost more than \(limit.amount)",
                remedy: "send at most \(left) milliseconds, or make a sandbox with a higher maxCost"))
    }

    /// Ends the lease at once: what is to become of the sandbox then, becomes of it.
    package func expire(_ id: SandboxID, by principal: Principal) async throws(EngineError) {
        let living = try await living(id, for: principal)
        try await living.turnstile.pass { () async throws(EngineError) in
            _ = try living.place(evenPaused: true)
            try await living.setLease(.thisMillisecond)
        }
    }

    /// Freezes every process and stops the lease: the sandbox is kept for ``EngineConfiguration/pausedRetention``, or until it is woken.
    ///
    /// - Throws: `conflict` if it is paused already.
    package func suspend(_ id: SandboxID, for principal: Principal) async throws(EngineError) -> SandboxInfo {
        let living = try await living(id, for: principal)
        return try await living.turnstile.pass { () async throws(EngineError) in
            let place = try living.place()
            guard place.provider.capabilities.pause else { throw unsupported("pause", place) }
            try await living.keep(in: place)
            return living.info
        }
    }

    /// Lets frozen processes go on, with a lease that ends `duration` from now. A sandbox that runs keeps a lease that ends later.
    ///
    /// - Parameter onLeaseEnd: what is to become of it when that lease ends; `nil` for what was to be.
    /// - Returns: the sandbox, and whether it was paused.
    package func wake(
        _ id: SandboxID, for duration: Duration, onLeaseEnd: LeaseEnd? = nil, by principal: Principal
    ) async throws(EngineError) -> (sandbox: SandboxInfo, wasPaused: Bool) {
        try check(duration)
        let living = try await living(id, for: principal)
        return try await living.turnstile.pass { () async throws(EngineError) in
            let place = try living.place(evenPaused: true)
            let lease = Date.thisMillisecond.addingTimeInterval(duration.inSeconds)
            guard living.currentState == .paused else {
                if lease > living.lease { try await renew(living, in: place, until: lease) }
                return (living.info, false)
            }
            try checkCost(of: place, until: lease)
            try await ask(living) { () async throws(ProviderError) in try await place.sandbox.resume() }
            try await living.become(.running, until: lease, onLeaseEnd: onLeaseEnd)
            await living.tellPlace(of: lease, place)
            return (living.info, true)
        }
    }
}
