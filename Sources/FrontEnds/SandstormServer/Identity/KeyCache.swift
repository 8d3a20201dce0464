import SandstormCore
package import SandstormEngine
package import SandstormStore

/// Remembers for a few seconds whose keys were verified, so that not every request asks the store.
///
/// A revoked key works until its entry is `lifetime` old, and no longer. Unknown keys are not remembered: a new key works at once, and a flood
/// of wrong ones can't push the right ones out.
package final class KeyCache: Sendable {
    private struct Entry {
        let principal: Principal
        let deadline: ContinuousClock.Instant
    }

    /// The longest secret that is looked up.
    private static let maximumLength = 256

    private let entries = Locked<[PresentedKey: Entry]>([:])
    private let lifetime: Duration
    private let capacity: Int
    private let now: @Sendable () -> ContinuousClock.Instant
    private let lookUp: @Sendable (String) async throws(StoreError) -> Principal?

    package init(
        lifetime: Duration, capacity: Int = 1024, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        lookUp: @escaping @Sendable (String) async throws(StoreError) -> Principal?
    ) {
        self.lifetime = lifetime
        self.capacity = capacity
        self.now = now
        self.lookUp = lookUp
    }

    /// Whoever holds `key`; `nil` for an unknown or revoked one.
    package func principal(_ key: PresentedKey) async throws(StoreError) -> Principal? {
        guard key.secret.utf8.count <= KeyCache.maximumLength else { return nil }
        // Taken before the store is asked: a revocation during the look-up must not be outlived by more than the lifetime.
        let start = now()
        if let entry = entries.withLock({ $0[key] }), entry.deadline > start { return entry.principal }
        guard let principal = try await lookUp(key.secret) else {
            _ = entries.withLock { $0.removeValue(forKey: key) }
            return nil
        }
        entries.withLock { entries in
            if entries.count >= capacity { entries = entries.filter { $0.value.deadline > start } }
            if entries.count >= capacity { entries.removeAll() }
            entries[key] = Entry(principal: principal, deadline: start + lifetime)
        }
        return principal
    }
}
