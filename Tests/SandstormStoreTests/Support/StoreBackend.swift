import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A kind of store that the contract's tests run against.
struct StoreBackend: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let open: @Sendable (_ directory: String, _ clock: TestClock) async throws -> any Store

    static let all = [sqlite]

    static let sqlite = StoreBackend(testDescription: "SQLite") { directory, clock in
        try await SQLiteStore.open(directory: directory, now: { clock.now })
    }

    /// Gives `body` an empty store, which is closed and removed afterwards.
    func withStore(clock: TestClock = TestClock(), _ body: (any Store) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let store = try await open(directory.path, clock)
        do {
            try await body(store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// A clock that stands still until it is told to go on.
final class TestClock: Sendable {
    private let date = Locked(Date(timeIntervalSince1970: 1_800_000_000))

    var now: Date { date.withLock { $0 } }

    func advance(by duration: Duration) { date.withLock { $0 += duration.inSeconds } }
}
