import SandstormCore

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The events of one process in a living sandbox: a bounded window in memory, a writer, and followers.
///
/// Back pressure: when the window is full the writer waits until every follower has passed its oldest events. Without a follower,
/// a detached process loses its oldest output instead, and whoever comes later is told how much; one that is not detached waits.
final class ProcessLog: Sendable {
    private struct Entry {
        var event: SandboxProcessEvent
        /// Bytes of output before it, since the process began.
        var offset: Int
    }

    private struct State {
        /// Kept apart from the window, so that every follower begins with it.
        var started: SandboxProcessEvent?
        var window: ArraySlice<Entry> = []
        var windowBytes = 0
        /// Bytes of output before the window.
        var windowOffset = 0
        var lastSequence = 0
        /// Bytes of output so far.
        var offset = 0
        /// How far followers have come, by their numbers.
        var followers: [Int: Int] = [:]
        var nextFollower = 0
        /// Bytes of output that some follower was handed.
        var furthest = 0
        var isEnded = false
        /// The process was killed: what it had put out is little, and nobody may hold it up.
        var isLetGo = false
    }

    private let state = Locked(State())
    private let signal = ChangeSignal()
    private let limit: Int
    private let isDetached: Bool

    init(limit: Int, isDetached: Bool) {
        self.limit = limit
        self.isDetached = isDetached
    }

    /// Bytes of events held in memory.
    var heldBytes: Int { state.withLock { $0.windowBytes } }

    // MARK: Writing

    /// Appends an event; waits while the window is full, unless the task is cancelled.
    func append(_ body: SandboxProcessEvent.Body) async {
        let size = body.outputByteCount + 64
        while true {
            let version = signal.version
            let done = state.withLock { state in
                makeRoom(for: size, in: &state)
                guard state.window.isEmpty || state.windowBytes + size <= limit(of: state) || Task.isCancelled else { return false }
                add(body, to: &state)
                return true
            }
            if done { return signal.raise() }
            await signal.wait(after: version)
        }
    }

    /// Appends the last event; followers end after it.
    func end(_ body: SandboxProcessEvent.Body) {
        state.withLock { state in
            guard !state.isEnded else { return }
            add(body, to: &state)
            state.isEnded = true
        }
        signal.raise()
    }

    /// Nobody holds the process up from now on.
    func letGo() {
        state.withLock { $0.isLetGo = true }
        signal.raise()
    }

    /// Gives up the output of a process that has ended, to make room for others'.
    func trim() {
        state.withLock { state in
            guard state.isEnded else { return }
            while state.window.count > 1 { evictOne(&state) }
        }
    }

    private func limit(of state: State) -> Int { state.isLetGo ? 2 * limit : limit }

    private func add(_ body: SandboxProcessEvent.Body, to state: inout State) {
        state.lastSequence += 1
        let event = SandboxProcessEvent(sequence: state.lastSequence, time: Date(), body: body)
        if case .started = body {
            state.started = event
            return
        }
        state.window.append(Entry(event: event, offset: state.offset))
        state.offset += body.outputByteCount
        state.windowBytes += body.outputByteCount + 64
    }

    private func makeRoom(for size: Int, in state: inout State) {
        guard state.windowBytes + size > limit(of: state) else { return }
        let passed: Int
        if state.isLetGo || state.followers.isEmpty && isDetached {
            passed = .max
        } else {
            // Without a follower the process waits for one to come back.
            passed = state.followers.values.min() ?? 0
        }
        // Half the window goes at once, so that a follower that comes later is told of a loss rarely.
        while let oldest = state.window.first, oldest.event.sequence <= passed, state.windowBytes + size > limit / 2 {
            evictOne(&state)
        }
    }

    private func evictOne(_ state: inout State) {
        guard let oldest = state.window.popFirst() else { return }
        let bytes = oldest.event.body.outputByteCount
        state.windowBytes -= bytes + 64
        state.windowOffset = oldest.offset + bytes
    }

    // MARK: Reading

    /// A reader for events after `sequence`.
    ///
    /// - Parameters:
    ///   - sequence: `nil` for what is to come, or the last event if nothing is.
    ///   - follows: whether to wait for events to come, and to be waited for.
    func reader(after sequence: Int?, follows: Bool) -> ProcessLogReader {
        let (id, sequence, offset) = state.withLock { state -> (Int?, Int, Int) in
            let sequence = sequence ?? (state.isEnded ? state.lastSequence - 1 : state.lastSequence)
            let end = state.window.first { $0.event.sequence == sequence }.map { $0.offset + $0.event.body.outputByteCount }
            // Of what is gone from the window, only how far the furthest follower came is known.
            let offset = end ?? (sequence <= 1 ? 0 : min(state.furthest, state.windowOffset))
            guard follows else { return (nil, sequence, offset) }
            state.nextFollower += 1
            state.followers[state.nextFollower] = sequence
            return (state.nextFollower, sequence, offset)
        }
        return ProcessLogReader(log: self, id: id, position: sequence, offset: offset)
    }

    fileprivate func forget(_ follower: Int) {
        state.withLock { _ = $0.followers.removeValue(forKey: follower) }
        signal.raise()
    }

    fileprivate enum Lookup {
        case event(SandboxProcessEvent, offset: Int)
        case ended
        case notYet
    }

    fileprivate func lookUp(after position: Int, offset: Int, follower: Int?) -> Lookup {
        let lookup = state.withLock { state -> Lookup in
            if position < 1, let started = state.started { return .event(started, offset: 0) }
            guard position < state.lastSequence else { return state.isEnded ? .ended : .notYet }
            guard let first = state.window.first else { return .notYet }
            let entry: Entry
            if position + 1 < first.event.sequence, state.windowOffset > offset {
                let dropped = SandboxProcessEvent(
                    sequence: first.event.sequence - 1, time: Date(), body: .dropped(bytes: state.windowOffset - offset))
                entry = Entry(event: dropped, offset: state.windowOffset)
            } else {
                entry = state.window[state.window.startIndex + max(0, position + 1 - first.event.sequence)]
            }
            // Handed out means passed: the reader's consumer holds this one event.
            if let follower { state.followers[follower] = entry.event.sequence }
            let end = entry.offset + entry.event.body.outputByteCount
            state.furthest = max(state.furthest, end)
            return .event(entry.event, offset: end)
        }
        if case .event = lookup, follower != nil { signal.raise() }
        return lookup
    }

    fileprivate var version: UInt64 { signal.version }
    fileprivate func waitForChange(after version: UInt64) async { await signal.wait(after: version) }
}

/// One reader of a ``ProcessLog``. One consumer.
final class ProcessLogReader: Sendable {
    private let log: ProcessLog
    private let id: Int?
    private let state: Locked<(position: Int, offset: Int)>

    fileprivate init(log: ProcessLog, id: Int?, position: Int, offset: Int) {
        self.log = log
        self.id = id
        state = Locked((position, offset))
    }

    deinit { if let id { log.forget(id) } }

    /// The next event; `nil` after the last, or when the task is cancelled.
    func next() async -> SandboxProcessEvent? {
        while !Task.isCancelled {
            let version = log.version
            let (position, offset) = state.withLock { $0 }
            switch log.lookUp(after: position, offset: offset, follower: id) {
            case .event(let event, let offset):
                state.withLock { $0 = (event.sequence, offset) }
                return event
            case .ended: return nil
            case .notYet:
                guard id != nil else { return nil }
                await log.waitForChange(after: version)
            }
        }
        return nil
    }
}

extension SandboxProcessEvent.Body {
    /// Bytes of output that the event carries.
    var outputByteCount: Int {
        switch self {
        case .stdout(let bytes), .stderr(let bytes): bytes.count
        default: 0
        }
    }
}
