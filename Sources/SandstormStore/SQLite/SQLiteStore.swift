import Dispatch
import GRDB
package import SandstormCore

#if canImport(FoundationEssentials)
package import FoundationEssentials
#else
package import Foundation
#endif

/// The store of one data directory: SQLite in WAL mode, where writes that arrive together share one commit.
///
/// Instants and durations are kept to the millisecond. SQLite's blocking calls run on dispatch queues, never on Swift's
/// cooperative threads. Cancelling the task that called changes nothing: what was asked still happens, whole, and the call
/// returns when it has; cleaning up in a cancelled task works.
package final class SQLiteStore: Store {
    /// The directory that holds `sandstorm.sqlite` and `lock`.
    package let directory: String
    package let gateway: GatewayID
    package let secret: GatewaySecret

    let now: @Sendable () -> Date

    private let pool: DatabasePool
    private let writer: GroupCommitWriter
    private let gate = AccessGate()
    private let lock: DirectoryLock?
    private let isClosed = Locked(false)
    private let isExclusive: Bool
    private let closing = DispatchQueue(label: "sandstorm.store.close")

    /// Opens the store of `directory`, making the directory (mode 0700) and the database (0600) if need be.
    ///
    /// Blocks for as long as migrating takes; to be called while a program starts.
    ///
    /// - Parameters:
    ///   - directory: a path on a local disk; network file systems break SQLite's WAL.
    ///   - exclusive: `true` for a gateway, which must be the directory's only user; `false` for a program that runs the engine
    ///     in-process, many of which may share a directory, though not with a gateway.
    ///   - locking: `false` for administration beside a gateway, such as revoking a key: the directory is not held, and no run may
    ///     be worked on.
    ///   - now: the clock by which idempotency keys expire and settlements are dated.
    /// - Throws: `inUse` with the holder's process id; `newerSchema`; `corrupt` if the file is no database of ours;
    ///   `unavailable` for everything that the operator can put right. The message names the remedy.
    package init(
        directory: String, exclusive: Bool = true, locking: Bool = true, now: @escaping @Sendable () -> Date = { Date() }
    ) throws(StoreError) {
        let files = DataDirectory(path: directory)
        try files.prepare()
        let opening = try OpeningLock(directory: directory)
        defer { opening.release() }
        lock = locking ? try DirectoryLock(directory: directory, exclusive: exclusive) : nil
        try files.createDatabaseFile()
        do {
            pool = try SQLiteStore.openPool(at: files.databasePath, isShared: locking && !exclusive)
            (gateway, secret) = try Schema.prepare(pool, now: now())
        } catch {
            throw StoreError(database: error, at: files.databasePath)
        }
        writer = GroupCommitWriter(pool: pool)
        self.directory = directory
        self.now = now
        isExclusive = exclusive && locking
    }

    /// Opens a store without holding up the threads that all tasks share.
    ///
    /// - Throws: as the initializer.
    package static func open(
        directory: String, exclusive: Bool = true, locking: Bool = true, now: @escaping @Sendable () -> Date = { Date() }
    ) async throws(StoreError) -> SQLiteStore {
        let result: Result<SQLiteStore, StoreError> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(StoreError) in
                        try SQLiteStore(directory: directory, exclusive: exclusive, locking: locking, now: now)
                    })
            }
        }
        return try result.get()
    }

    /// Makes a data directory that only this user may look into, unless it is there already; opening a store does so too.
    ///
    /// - Throws: `unavailable`, with the remedy.
    package static func prepare(directory: String) throws(StoreError) { try DataDirectory(path: directory).prepare() }

    private static func openPool(at path: String, isShared: Bool) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.label = "sandstorm.store"
        // Whoever waits for SQLite's lock looks now and then and stands in no queue: where many write without a pause, one of them may
        // be passed over for seconds.
        configuration.busyMode = .timeout(isShared ? 30 : 5)
        let pool = try DatabasePool(path: path, configuration: configuration)
        try pool.writeWithoutTransaction { database in
            // Set here rather than in `prepareDatabase`, since a pool sets NORMAL after that: a commit would then survive the
            // process but not a loss of power. The second pragma matters on Darwin, where fsync alone does not reach the disk.
            try database.execute(sql: "PRAGMA synchronous = FULL; PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1")
        }
        return pool
    }

    /// How many writes were made in how many commits since the store was opened.
    package var writeStatistics: WriteStatistics { writer.statistics }

    /// Writes that wait for the commit under way.
    var pendingWriteCount: Int { writer.pendingCount }

    // MARK: Access

    /// Runs `body` in a savepoint of the next commit; returns once that commit is durable.
    ///
    /// `body` may run twice if the first transaction is lost, so it must do nothing but use the database.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        try gate.enter()
        defer { gate.leave() }
        return try await writer.perform(body)
    }

    /// Runs `body` on a snapshot that holds everything committed before.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        try gate.enter()
        defer { gate.leave() }
        // GRDB's own `async` read throws CancellationError in a cancelled task, which is just where cleaning up reads.
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                continuation.resume(returning: Result { try body(database.get()) }.mapError { StoreError(database: $0) })
            }
        }
        return try result.get()
    }

    // MARK: Life cycle

    package func ping() async throws(StoreError) {
        let written = try await write { database in
            try database.row("UPDATE gateway SET pings = pings + 1 RETURNING pings").map { try $0.integer("pings") }
        }
        let read = try await read { database in
            try database.row("SELECT pings FROM gateway").map { try $0.integer("pings") }
        }
        guard let written, let read, read >= written else {
            throw StoreError(.corrupt, "the row that was just written could not be read back")
        }
    }

    package func close() async {
        await gate.close()
        await withCheckedContinuation { continuation in
            closing.async { [self] in
                let isFirst = isClosed.withLock { isClosed in
                    defer { isClosed = true }
                    return !isClosed
                }
                if isFirst { closeFiles() }
                continuation.resume()
            }
        }
    }

    /// Runs once, when everyone has left.
    private func closeFiles() {
        // GRDB closes its readers last, so that SQLite does not put the log into the database by itself. Beside other processes
        // that could mean waiting for them. If it fails the log is put in by whoever opens the database next.
        if isExclusive { try? pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) } }
        // Fails only while a statement is in use.
        try? pool.close()
        lock?.release()
    }
}
