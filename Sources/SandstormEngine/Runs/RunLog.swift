import Logging
import SandstormCore
import SandstormStore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The events of a run under way: a bounded window in memory, a writer, readers, and a task that hands them to the store.
///
/// Back pressure: when the window is full the writer waits until the store has its oldest events and every *pacing* reader has
/// passed them. Readers that do not pace and fall behind the window go on from the store.
final class RunLog: Sendable {
    private struct Reader {
        var passed: Int
    }

    private struct State {
        var window: [RunEvent] = []
        var windowBytes = 0
        var lastSequence = 0
        /// What is not yet in the store; events oldest first.
        var unwritten = RunProgress()
        var unwrittenBytes = 0
        /// What is unwritten will be written before long.
        var isAlarmSet = false
        var writer: Task<Void, Never>?
        /// What is unwritten is left to whoever has closed the log.
        var isClosed = false
        var retainedBytes = 0
        var pacing: [Int: Reader] = [:]
        var nextReader = 0
        var isEnded = false
        /// The store took no more: events are no longer offered to it.
        var storeIsLost = false
    }

    private let state: Locked<State>
    private let signal = ChangeSignal()
    private let run: RunID
    private let store: any Store
    private let windowLimit: Int
    private let retainedLimit: Int
    private let waits: WaitClock
    private let logger: Logger

    init(
        run: RunID, store: any Store, windowLimit: Int, retainedLimit: Int, waits: WaitClock, logger: Logger, after sequence: Int = 0
    ) {
        self.logger = logger
        self.waits = waits
        self.run = run
        self.store = store
        self.windowLimit = windowLimit
        self.retainedLimit = retainedLimit
        var state = State()
        state.lastSequence = sequence
        self.state = Locked(state)
    }

    /// The last event's number.
    var lastSequence: Int { state.withLock { $0.lastSequence } }

    /// How often anything has changed, and how many tasks wait for the next change; for tests.
    var changeCount: UInt64 { signal.version }
    var waiterCount: Int { signal.waiterCount }

    // MARK: Writing

    /// Appends an event; waits while the window is full, unless the task is cancelled.
    func append(_ body: RunEvent.Body) async {
        while true {
            let version = signal.version
            let done = state.withLock { state in
                evict(&state)
                guard state.windowBytes < windowLimit || Task.isCancelled else { return false }
                state.lastSequence += 1
                add(RunEvent(sequence: state.lastSequence, time: Date(), body: body), to: &state)
                return true
            }
            if done {
                signal.raise()
                return write()
            }
            write(evenSoon: true)
            await waits.during { await signal.wait(after: version) }
        }
    }

    /// Takes what else is to be written of the run.
    func note(_ progress: RunProgress) {
        state.withLock { state in
            state.unwritten.attempt = progress.attempt ?? state.unwritten.attempt
            state.unwritten.state = progress.state ?? state.unwritten.state
        }
        write()
    }

    /// Appends the last event, which ``close(with:)`` has made; readers end after it.
    func end(_ last: RunEvent) {
        state.withLock { state in
            state.lastSequence = last.sequence
            add(last, to: &state)
            state.isEnded = true
        }
        signal.raise()
    }

    /// Ends the log without a last event: the run could not be settled.
    func cut() {
        state.withLock { $0.isEnded = true }
        signal.raise()
    }

    private func add(_ event: RunEvent, to state: inout State) {
        let bytes = event.outputByteCount
        state.window.append(event)
        state.windowBytes += bytes + 64
        // Output past the retention limit is streamed but not kept; everything else is always kept.
        guard !state.storeIsLost, !state.isClosed, bytes == 0 || state.retainedBytes + bytes <= retainedLimit else { return }
        state.retainedBytes += bytes
        state.unwritten.events.append(event)
        state.unwrittenBytes += bytes
    }

    private func evict(_ state: inout State) {
        guard state.windowBytes >= windowLimit else { return }
        let needed = min(state.unwritten.events.first?.sequence ?? .max, (state.pacing.values.map(\.passed).min() ?? .max - 1) + 1)
        var count = 0
        // Half the window goes at once, so that the shift of the rest is paid rarely.
        while state.windowBytes > windowLimit / 2, count < state.window.count, state.window[count].sequence < needed {
            state.windowBytes -= state.window[count].outputByteCount + 64
            count += 1
        }
        state.window.removeFirst(count)
    }

    // MARK: Store

    /// How long what has happened may wait for its being written: a run that is over by then is written once, with its settlement.
    private static let writeDelay = Duration.milliseconds(25)

    /// Sees to it that what is unwritten is written.
    ///
    /// - Parameter evenSoon: now rather than after a while. So is much output.
    private func write(evenSoon: Bool = false) {
        let isToWait = state.withLock { state in
            guard !state.isClosed, state.writer == nil, !state.unwritten.isEmpty else { return false }
            if evenSoon || state.unwrittenBytes >= windowLimit / 4 {
                state.writer = Task { await self.writeAll() }
                return false
            }
            defer { state.isAlarmSet = true }
            return !state.isAlarmSet
        }
        guard isToWait else { return }
        _ = Alarms.shared.set(at: .now + RunLog.writeDelay) {
            self.state.withLock { $0.isAlarmSet = false }
            self.write(evenSoon: true)
        }
    }

    /// Hands everything to the store until nothing is left or the log is closed.
    private func writeAll() async {
        var failures = 0
        while true {
            let progress = state.withLock { state -> RunProgress? in
                if state.isClosed || state.unwritten.isEmpty {
                    state.writer = nil
                    return nil
                }
                return state.unwritten
            }
            guard let progress else { return }
            do throws(StoreError) {
                try await store.save(progress, of: run)
                failures = 0
                state.withLock { state in
                    state.unwritten.events.removeFirst(progress.events.count)
                    state.unwrittenBytes -= progress.events.reduce(0) { $0 + $1.outputByteCount }
                    if state.unwritten.attempt == progress.attempt { state.unwritten.attempt = nil }
                    if state.unwritten.state == progress.state { state.unwritten.state = nil }
                }
                signal.raise()
            } catch {
                failures += 1
                logger.warning("event log not written", metadata: ["run.id": "\(run)", "error": "\(error)"])
                if failures >= 5 {
                    // The run goes on; its stream can't be read again later.
                    state.withLock { state in
                        state.storeIsLost = true
                        state.unwritten = RunProgress()
                        state.unwrittenBytes = 0
                    }
                    signal.raise()
                } else {
                    // Cut short when the log is closed.
                    try? await Task.sleep(for: .milliseconds(100 << failures))
                }
            }
        }
    }

    /// Writes the run's state, if the store does not have it yet.
    func writeState() async {
        guard let unwritten = state.withLock({ $0.unwritten.state }) else { return }
        // What fails here is tried again with the rest.
        try? await store.save(RunProgress(state: unwritten), of: run)
    }

    var hasUnwrittenState: Bool { state.withLock { $0.unwritten.state != nil } }

    /// Writes no more. What is unwritten is written by whoever settles the run, in one transaction.
    ///
    /// - Parameter body: of the last event.
    /// - Returns: the events that are not in the store, and the last one, which is to be handed to ``end(_:)`` once it is.
    func close(with body: RunEvent.Body) async -> (unwritten: [RunEvent], last: RunEvent) {
        await close()
        return state.withLock { state in
            (state.unwritten.events, RunEvent(sequence: state.lastSequence + 1, time: Date(), body: body))
        }
    }

    private func close() async {
        let writer = state.withLock { state in
            state.isClosed = true
            return state.writer
        }
        writer?.cancel()
        await writer?.value
    }

    /// Writes what is left, and no more afterwards.
    func writeRest() async {
        await close()
        let rest = state.withLock { $0.unwritten }
        do throws(StoreError) { try await store.save(rest, of: run) } catch {
            logger.warning("event log not written", metadata: ["run.id": "\(run)", "error": "\(error)"])
        }
    }

    // MARK: Reading

    /// A reader for events after `sequence`.
    ///
    /// - Parameter paces: whether the writer waits for this reader.
    /// - Parameter follows: whether to wait for events to come.
    func reader(after sequence: Int, paces: Bool, follows: Bool) -> RunLogReader {
        let id =
            paces
            ? state.withLock { state in
                state.nextReader += 1
                state.pacing[state.nextReader] = Reader(passed: sequence)
                return state.nextReader
            } : nil
        return RunLogReader(log: self, id: id, position: sequence, follows: follows)
    }

    fileprivate func forget(_ reader: Int) {
        state.withLock { _ = $0.pacing.removeValue(forKey: reader) }
        signal.raise()
    }

    fileprivate enum Lookup {
        case event(RunEvent)
        /// It is older than the window, which starts at this sequence number.
        case older(windowStart: Int)
        case ended
        case notYet
    }

    fileprivate func lookUp(after position: Int, reader: Int?) -> Lookup {
        let (lookup, wasFull) = state.withLock { state -> (Lookup, Bool) in
            let wasFull = state.windowBytes >= windowLimit
            if position >= state.lastSequence { return (state.isEnded ? .ended : .notYet, wasFull) }
            guard let first = state.window.first?.sequence else { return (.older(windowStart: state.lastSequence + 1), wasFull) }
            guard position + 1 >= first else { return (.older(windowStart: first), wasFull) }
            let event = state.window[position + 1 - first]
            // Handed out means passed: the reader's consumer holds this one event.
            if let reader { state.pacing[reader]?.passed = event.sequence }
            return (.event(event), wasFull)
        }
        // Only a full window has a writer that waits for readers. A reader that found nothing has let nobody on: to raise the signal
        // then would wake itself, over and over, as long as the window is full since the store is slow.
        if wasFull, reader != nil, case .event = lookup { signal.raise() }
        return lookup
    }

    fileprivate func stored(after position: Int) async throws(StoreError) -> [RunEvent] {
        try await store.events(of: run, after: position, limit: 256)
    }

    fileprivate var version: UInt64 { signal.version }
    fileprivate func waitForChange(after version: UInt64) async { await signal.wait(after: version) }
}

/// One reader of a ``RunLog``. One consumer.
final class RunLogReader: Sendable {
    private let log: RunLog
    private let id: Int?
    private let follows: Bool
    private let state: Locked<(position: Int, fetched: [RunEvent])>

    fileprivate init(log: RunLog, id: Int?, position: Int, follows: Bool) {
        self.log = log
        self.id = id
        self.follows = follows
        state = Locked((position, []))
    }

    deinit { if let id { log.forget(id) } }

    /// The next event; `nil` after the last, or when the task is cancelled.
    func next() async throws(EngineError) -> RunEvent? {
        while !Task.isCancelled {
            if let fetched = state.withLock({ state -> RunEvent? in
                guard !state.fetched.isEmpty else { return nil }
                let event = state.fetched.removeFirst()
                state.position = event.sequence
                return event
            }) {
                return fetched
            }
            let version = log.version
            let position = state.withLock { $0.position }
            switch log.lookUp(after: position, reader: id) {
            case .event(let event):
                state.withLock { $0.position = event.sequence }
                return event
            case .older(let windowStart):
                let page = try await fetch(after: position)
                state.withLock { state in
                    // What the store did not keep is passed over, up to what memory still has.
                    if page.isEmpty { state.position = windowStart - 1 } else { state.fetched = page }
                }
            case .ended: return nil
            case .notYet:
                guard follows else { return nil }
                await log.waitForChange(after: version)
            }
        }
        return nil
    }

    private func fetch(after position: Int) async throws(EngineError) -> [RunEvent] {
        do { return try await log.stored(after: position) } catch { throw EngineError(error) }
    }
}

extension RunEvent {
    /// Bytes of output that the event carries.
    var outputByteCount: Int {
        switch body {
        case .stdout(let bytes), .stderr(let bytes): bytes.count
        default: 0
        }
    }
}
