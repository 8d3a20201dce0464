import GRDB
import SandstormCore

/// What the writer did since it was made.
package struct WriteStatistics: Hashable, Sendable {
    /// Writes that were committed, or rolled back by themselves.
    package var writes = 0
    /// Commits, each with one fsync.
    package var transactions = 0
}

/// Commits all writes that wait at once in one transaction.
///
/// While one transaction waits for the disk the next writes gather, so that the batches grow with the load and a lone
/// write is never held back. No write is resumed before the commit that holds it is durable. Writes are made in the order in
/// which they came. If one of them fails the batch is undone and made anew, with a savepoint for each, so that one that fails is
/// undone alone: savepoints cost as much as the writes, and failures are rare.
final class GroupCommitWriter: Sendable {
    /// Bounds how long the first write of a batch waits for the last one.
    private static let maximumBatch = 512

    /// Tells the waiting task that its transaction is durable.
    private typealias Completion = @Sendable () -> Void

    private struct PendingWrite: Sendable {
        /// Makes the write.
        let make: @Sendable (Database) throws -> Completion
        /// Makes the write in a savepoint. Throws only if the transaction as a whole is gone.
        let makeAlone: @Sendable (Database) throws -> Completion
        /// Tells the waiting task that nothing was written.
        let fail: @Sendable (StoreError) -> Void
    }

    private struct State {
        var pending: [PendingWrite] = []
        var isDraining = false
        var statistics = WriteStatistics()
    }

    private let pool: DatabasePool
    private let state = Locked(State())

    init(pool: DatabasePool) { self.pool = pool }

    var statistics: WriteStatistics { state.withLock { $0.statistics } }
    var pendingCount: Int { state.withLock { $0.pending.count } }

    /// Makes a write and returns its value once it is durable. Not cancellable: it happens or throws.
    func perform<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            enqueue(
                PendingWrite(
                    make: { database in
                        let value = try body(database)
                        return { continuation.resume(returning: .success(value)) }
                    },
                    makeAlone: { database in
                        let value: Result<Value, StoreError>
                        do {
                            value = .success(try GroupCommitWriter.inSavepoint(of: database, body))
                        } catch {
                            // A full disk or an I/O error can undo the whole transaction and not only the savepoint.
                            guard database.isInsideTransaction else { throw error }
                            value = .failure(StoreError(database: error))
                        }
                        return { continuation.resume(returning: value) }
                    },
                    fail: { continuation.resume(returning: .failure($0)) }))
        }
        return try result.get()
    }

    private static func inSavepoint<Value>(of database: Database, _ body: (Database) throws -> Value) throws -> Value {
        var value: Value?
        try database.inSavepoint {
            value = try body(database)
            return .commit
        }
        guard let value else { throw StoreError(.corrupt, "a savepoint ended without its value") }
        return value
    }

    private func enqueue(_ write: PendingWrite) {
        let isFirst = state.withLock { state in
            state.pending.append(write)
            defer { state.isDraining = true }
            return !state.isDraining
        }
        if isFirst { pool.asyncWriteWithoutTransaction { database in self.drain(database) } }
    }

    /// Runs on the pool's writer queue until nothing is pending.
    private func drain(_ database: Database) {
        while true {
            let batch = state.withLock { state in
                let batch = Array(state.pending.prefix(GroupCommitWriter.maximumBatch))
                state.pending.removeFirst(batch.count)
                state.isDraining = !batch.isEmpty
                return batch
            }
            guard !batch.isEmpty else { return }
            commit(batch, to: database)
        }
    }

    private func commit(_ batch: [PendingWrite], to database: Database) {
        do {
            try commit(batch, to: database) { try $0.make(database) }
        } catch {
            commitAlone(batch, to: database)
        }
    }

    /// A batch in which a write has failed.
    private func commitAlone(_ batch: [PendingWrite], to database: Database) {
        do {
            try commit(batch, to: database) { try $0.makeAlone(database) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL && batch.count > 1 {
            // Most likely one write was too large for what is left of the disk: only that one may suffer.
            for write in batch { commitAlone([write], to: database) }
        } catch {
            let failure = StoreError(database: error)
            for write in batch { write.fail(failure) }
        }
    }

    private func commit(_ batch: [PendingWrite], to database: Database, _ make: (PendingWrite) throws -> Completion) throws {
        var completions: [Completion] = []
        completions.reserveCapacity(batch.count)
        try database.inTransaction(.immediate) {
            for write in batch { completions.append(try make(write)) }
            return .commit
        }
        state.withLock { state in
            state.statistics.transactions += 1
            state.statistics.writes += batch.count
        }
        for complete in completions { complete() }
    }
}
