import SandstormCore
import SandstormWire

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Watches whose events are kept until they are asked for.
///
/// Each has a task that ends with its sandbox, when it is removed, and when nobody has asked for too long.
final class Watchers: Sendable {
    /// Limits of what callers can make the gateway keep.
    struct Limits: Sendable {
        /// Watches in one sandbox at once.
        var watches = 64
        /// Events that wait in one watch. Who does not fetch them in time is told that some are lost.
        var events = 10_000
        /// A watch whose events nobody asks for ends after this.
        var idleTime = Duration.seconds(600)
    }

    private struct State {
        var watches: [String: Watch] = [:]
    }

    private let state = Locked(State())
    private let limits: Limits

    init(_ limits: Limits = Limits()) { self.limits = limits }

    deinit { for watch in state.withLock({ $0.watches.values }) { watch.end() } }

    /// How many there are.
    var count: Int { state.withLock { $0.watches.count } }

    /// Keeps the events of `source` from now on.
    ///
    /// - Returns: by what its events are asked for.
    /// - Throws: ``ConnectError`` with `resource_exhausted`.
    func add(_ source: DirectoryWatch, in sandbox: SandboxID) throws(ConnectError) -> String {
        let id = UUID().uuidString.lowercased()
        let watch = Watch(sandbox, limit: limits.events)
        let isTaken = state.withLock { state in
            guard state.watches.values.filter({ $0.sandbox == sandbox }).count < limits.watches else { return false }
            state.watches[id] = watch
            return true
        }
        guard isTaken else {
            throw ConnectError(.resourceExhausted, "the sandbox has \(limits.watches) watchers: remove some before making more")
        }
        watch.begin { [weak self, limits] in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watch.read(source) }
                group.addTask { await watch.waitUntilIdle(for: limits.idleTime) }
                await group.next()
                group.cancelAll()
            }
            // One that failed is kept until that was told, or nobody has asked for too long.
            if watch.hasFailed { await watch.waitUntilIdle(for: limits.idleTime) }
            self?.forget(id)
        }
        return id
    }

    /// How many events wait.
    ///
    /// - Throws: ``ConnectError`` with `not_found`.
    func pendingEvents(_ id: String, in sandbox: SandboxID) throws(ConnectError) -> Int { try find(id, sandbox).pendingEvents }

    /// Takes all events that wait.
    ///
    /// - Throws: ``ConnectError`` with `not_found`, or why there are no more.
    func drain(_ id: String, in sandbox: SandboxID) throws(ConnectError) -> [JSONValue] {
        let events = try find(id, sandbox).drain()
        guard let events else {
            forget(id)
            throw ConnectError(.internal, "the watcher has ended: more changed than could be told, or the directory is gone")
        }
        return events
    }

    /// - Throws: ``ConnectError`` with `not_found`.
    func remove(_ id: String, in sandbox: SandboxID) async throws(ConnectError) {
        let watch = try find(id, sandbox)
        forget(id)
        await watch.endAndWait()
    }

    private func forget(_ id: String) { state.withLock { $0.watches.removeValue(forKey: id) }?.end() }

    private func find(_ id: String, _ sandbox: SandboxID) throws(ConnectError) -> Watch {
        guard let watch = state.withLock({ $0.watches[id] }), watch.sandbox == sandbox else {
            throw ConnectError(.notFound, "there is no watcher \(id.prefix(64))")
        }
        return watch
    }
}

/// One of them.
private final class Watch: Sendable {
    private struct State {
        var events: [JSONValue] = []
        var hasFailed = false
        var lastAsked = ContinuousClock.now
        var task: Task<Void, Never>?
    }

    let sandbox: SandboxID
    private let limit: Int
    private let state = Locked(State())

    init(_ sandbox: SandboxID, limit: Int) {
        self.sandbox = sandbox
        self.limit = limit
    }

    var pendingEvents: Int { state.withLock { $0.events.count } }
    var hasFailed: Bool { state.withLock { $0.hasFailed } }

    func begin(_ body: @escaping @Sendable () async -> Void) {
        let task = Task { await body() }
        state.withLock { $0.task = task }
    }

    func end() { state.withLock { $0.task }?.cancel() }

    func endAndWait() async {
        let task = state.withLock { $0.task }
        task?.cancel()
        await task?.value
    }

    func read(_ source: DirectoryWatch) async {
        do {
            while let event = try await source.next() {
                let isFull = state.withLock { state in
                    guard state.events.count < limit else { return true }
                    state.events.append(event)
                    return false
                }
                if isFull { break }
            }
        } catch {
            // Why makes no difference to whoever asks for events: there will be none.
        }
        if !Task.isCancelled { state.withLock { $0.hasFailed = true } }
    }

    func waitUntilIdle(for time: Duration) async {
        while true {
            let end = state.withLock { $0.lastAsked } + time
            guard end > .now else { return }
            do { try await Task.sleep(until: end) } catch { return }
        }
    }

    /// - Returns: `nil` once there will be no more and all were taken.
    func drain() -> [JSONValue]? {
        state.withLock { state in
            state.lastAsked = .now
            guard !state.events.isEmpty || !state.hasFailed else { return nil }
            defer { state.events = [] }
            return state.events
        }
    }
}
