import SandstormCore
import SandstormStore

/// A run under way in this process.
final class ActiveRun: Sendable {
    let id: RunID
    let record: RunRecord
    let log: RunLog
    let arrived: ContinuousClock.Instant
    let waits: WaitClock

    private struct State {
        var result: RunResult
        var route: Route
        var seat: WaitingRoom.Seat?
        /// Why it is to end before its time.
        var cancellation: RunFailure.Kind?
        var attachments = 0
        /// Ends the run unless somebody comes back in time.
        var abandonment: Task<Void, Never>?
        var task: Task<Void, Never>?
        /// End what of the work can be cut short.
        var interrupts: [UInt64: @Sendable () -> Void] = [:]
        var nextInterrupt: UInt64 = 0
        /// The final result, or why there is none.
        var outcome: Result<RunResult, EngineError>?
        /// What of the time until then the gateway added.
        var overhead: RunOverhead?
        var isLeftUnsettled = false
    }

    private let state: Locked<State>
    private let finished = ChangeSignal()
    private let stopping = ChangeSignal()

    private let reconnectTime: Duration

    /// - Parameter waits: begun when the request arrived.
    init(
        record: RunRecord, route: Route, log: RunLog, waits: WaitClock, arrived: ContinuousClock.Instant, reconnectTime: Duration
    ) {
        self.waits = waits
        self.arrived = arrived
        self.reconnectTime = reconnectTime
        id = record.result.id
        self.record = record
        self.log = log
        state = Locked(State(result: record.result, route: route))
    }

    var request: RunRequest { record.request }
    var decision: Decision { route.decision }

    /// Where it may go. Changes while it waits for a place.
    var route: Route {
        get { state.withLock { $0.route } }
        set { state.withLock { $0.route = newValue } }
    }

    /// Where it waits for a place.
    var seat: WaitingRoom.Seat? {
        get { state.withLock { $0.seat } }
        set { state.withLock { $0.seat = newValue } }
    }

    /// When the caller's patience for the code's start ends.
    var startDeadline: ContinuousClock.Instant? { request.constraints.maxLatency.map { arrived + $0 } }

    /// The run as it stands.
    var result: RunResult { state.withLock { $0.result } }

    /// Changes what is known of the run.
    func update(_ change: @Sendable (inout RunResult) -> Void) { state.withLock { change(&$0.result) } }

    /// Starts the work; called once. It is never cancelled as a whole, so that cleaning up and writing down go on to their end: only what
    /// it does ``interruptibly(_:)`` is cut short.
    func start(_ work: @escaping @Sendable () async -> Void) { state.withLock { $0.task = Task { await work() } } }

    /// Does what is cancelled when the run is to end; at once if that is so already.
    func interruptibly<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await interruptibly(Task { await body() })
    }

    /// Does what is also cancelled once `limit` has passed, or with the attempt that it belongs to.
    func interruptibly<Value: Sendable>(
        within limit: Duration, unless callOff: CallOff, _ body: @escaping @Sendable () async -> Value
    ) async -> (value: Value, isLate: Bool) {
        let isLate = Locked(false)
        let task = Task { await body() }
        let alarm = Alarms.shared.set(at: .now + limit) {
            isLate.withLock { $0 = true }
            task.cancel()
        }
        defer { alarm.cancel() }
        callOff.cancels { task.cancel() }
        defer { callOff.cancels(nil) }
        let value = await interruptibly(task)
        return (value, isLate.withLock { $0 })
    }

    private func interruptibly<Value: Sendable>(_ task: Task<Value, Never>) async -> Value {
        let (number, isOver) = state.withLock { state in
            state.nextInterrupt += 1
            state.interrupts[state.nextInterrupt] = { task.cancel() }
            return (state.nextInterrupt, state.cancellation != nil)
        }
        if isOver { task.cancel() }
        defer { state.withLock { _ = $0.interrupts.removeValue(forKey: number) } }
        return await task.value
    }

    /// Cuts short what is being done now.
    func interrupt() { for interrupt in state.withLock({ Array($0.interrupts.values) }) { interrupt() } }

    /// Why the run is to end before its time, if it is.
    var cancellation: RunFailure.Kind? { state.withLock { $0.cancellation } }

    /// Ends the run before its time; the first reason stays.
    func cancel(_ reason: RunFailure.Kind) {
        state.withLock { if $0.cancellation == nil { $0.cancellation = reason } }
        interrupt()
    }

    /// What can't be settled now is left to the next process.
    func leaveUnsettled() {
        state.withLock { $0.isLeftUnsettled = true }
        stopping.raise()
    }

    /// Waits until settling is worth another try.
    ///
    /// - Returns: `false` if it is left to the next process.
    func waitToSettle(until deadline: ContinuousClock.Instant) async -> Bool {
        let version = stopping.version
        guard !state.withLock({ $0.isLeftUnsettled }) else { return false }
        await stopping.wait(after: version, until: deadline)
        return state.withLock { !$0.isLeftUnsettled }
    }

    /// Waits until nothing works on it any more.
    func waitForWork() async { await state.withLock { $0.task }?.value }

    /// Says that nothing more will happen; the first outcome stays.
    func finish(_ outcome: Result<RunResult, EngineError>) {
        state.withLock { state in
            guard state.outcome == nil else { return }
            state.outcome = outcome
            state.overhead = waits.overhead
            state.abandonment?.cancel()
            if case .success(let result) = outcome { state.result = result }
        }
        finished.raise()
    }

    /// What of the time until its end the gateway added; `nil` until then.
    var overhead: RunOverhead? { state.withLock { $0.overhead } }

    /// Waits for the end; `nil` when the waiting task is cancelled.
    func waitForOutcome() async -> Result<RunResult, EngineError>? {
        while true {
            let version = finished.version
            if let outcome = state.withLock({ $0.outcome }) { return outcome }
            if Task.isCancelled { return nil }
            await finished.wait(after: version)
        }
    }

    fileprivate func attach() {
        state.withLock { state in
            state.attachments += 1
            state.abandonment?.cancel()
            state.abandonment = nil
        }
    }

    fileprivate func detach() {
        state.withLock { state in
            state.attachments -= 1
            guard state.attachments == 0, state.outcome == nil, !request.detached else { return }
            state.abandonment = Task { [weak self, reconnectTime] in
                try? await Task.sleep(for: reconnectTime)
                if !Task.isCancelled { self?.cancel(.cancelled) }
            }
        }
    }
}

/// A caller's interest in a run. When the last one goes away and none comes back in time, a run that is not detached is cancelled.
final class RunAttachment: Sendable {
    let run: ActiveRun

    init(_ run: ActiveRun) {
        self.run = run
        run.attach()
    }

    deinit { run.detach() }
}
