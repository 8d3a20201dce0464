import Logging
import SandstormCore
import SandstormRouting
import SandstormStore

/// Tries the places of a run's route until one has an outcome: one after the other, and beside one that is late a second.
struct Dispatch {
    let execution: RunExecution
    /// What was tried, in the order of its numbers.
    private(set) var attempts: [AttemptRecord] = []
    /// What the router hears of the run so far: places that failed, and places that were passed over.
    private var failures: [(offer: Int, error: ProviderError)] = []
    /// What the caller hears of it.
    private var reasons: [ProviderError] = []
    private var passedOver: Set<Int> = []
    /// Why a place was passed over.
    private var obstacle: RunFailure?
    /// When the first attempt began.
    private var begun: ContinuousClock.Instant?
    /// Until when it may wait for a place.
    private var patienceEnds: ContinuousClock.Instant?

    /// How one or two attempts went.
    enum Result: Sendable {
        case ended(RunExecution.Outcome)
        case failed([Loss])
        /// The sandbox lives on for the next process.
        case left
    }

    /// An attempt that failed.
    struct Loss: Sendable {
        var place: Int
        var number: Int
        var error: ProviderError
        var codeStarted = false
        var isPooled: Bool
        /// The run's readers know of it.
        var isTold = false
    }

    init(_ execution: RunExecution) { self.execution = execution }

    private var run: ActiveRun { execution.run }
    private var spent: Money { attempts.reduce(Money.zero) { $0 + $1.charge } }

    /// - Parameter first: the attempt that was journaled with the run.
    /// - Returns: `nil` if the run goes on in the next process.
    mutating func carryOut(_ first: Attempt?) async -> RunExecution.Outcome? {
        var made = first
        var next = first?.place ?? run.route.first
        if next == nil, let seat = run.seat {
            switch await wait(in: seat) {
            case .success(let place): next = place
            case .failure(let failure): return execution.endedEarly() ?? .failed(failure)
            }
        }
        guard var place = next else { return execution.endedEarly() ?? .failed(exhausted()) }
        while true {
            if let ended = execution.endedEarly() {
                if let made { attempts.append(await made.abandon()) }
                return ended
            }
            let attempt = made ?? Attempt(place: place, number: attempts.count + 1, spent: spent, execution: execution)
            made = nil
            begun = begun ?? .now
            let (result, tried) = await tryOut(attempt)
            attempts += tried.map(\.record).sorted { $0.number < $1.number }
            switch result {
            case .left: return nil
            case .ended(let outcome): return execution.endedEarly() ?? outcome
            case .failed(let losses):
                for loss in losses where !loss.diedWaiting && !loss.isTold { await run.log.append(.attemptFailed(loss, at: run.route)) }
                if let final = take(losses) { return execution.endedEarly() ?? .failed(final) }
                if let ended = execution.endedEarly() { return ended }
                // One that died while it waited says nothing of the place: the next is fresh, or another that waited.
                if losses.allSatisfy(\.diedWaiting) { continue }
            }
            switch await goOn() {
            case .success(let next):
                place = next
                execution.metrics.retried()
            case .failure(let failure): return execution.endedEarly() ?? .failed(failure)
            }
        }
    }

    private func tryOut(_ attempt: Attempt) async -> (Result, [Attempt]) {
        if !attempt.isPooled, execution.living == nil, let plan = run.route.choice?.ranking.hedge {
            return await Race(execution, plan, tried: failures.map(\.offer), since: begun ?? .now).carryOut(attempt)
        }
        var attempt = attempt
        let result = await attempt.tryOut()
        return (result, [attempt])
    }

    // MARK: After a failure

    /// Takes note of what failed.
    ///
    /// - Returns: the failure that no other place can mend; `nil` if the run may be tried elsewhere.
    private mutating func take(_ losses: [Loss]) -> RunFailure? {
        var final: RunFailure?
        for loss in losses {
            execution.metrics.attemptFailed(run.route.offers[loss.place].provider, loss.error.code)
            execution.logger.info(
                "attempt failed", metadata: ["run.id": "\(run.id)", "attempt": "\(loss.number)", "error": "\(loss.error)"])
            if loss.diedWaiting { continue }
            final = final ?? self.final(loss)
            failures.append((loss.place, loss.error))
            reasons.append(loss.error)
        }
        return final
    }

    private func final(_ loss: Loss) -> RunFailure? {
        let (spec, error) = (run.request.spec, loss.error)
        if error.outOfMemory { return RunFailure(.outOfMemory, "the code used more than its \(spec.memory) MiB of memory") }
        if let program = error.missingProgram { return RunFailure(.refused, "there is no program \"\(program)\" in this sandbox") }
        if loss.codeStarted, !spec.idempotent { return RunFailure(.sandboxLost, error.message) }
        guard error.disposition == .giveUp, error.code != .interrupted else { return nil }
        return RunFailure(error.code == .invalid ? .refused : .sandboxLost, error.message)
    }

    /// Where to go on, once it is time.
    private mutating func goOn() async -> Swift.Result<Int, RunFailure> {
        while true {
            switch execution.desk.next(after: failures, on: run.route) {
            case .nowhere: return await waitAgain() ?? .failure(exhausted())
            case .retriesSpent: return .failure(exhausted("not tried again: too much of the traffic is retries already"))
            case .attempt(let place, let pause):
                if let obstacle = obstacle(to: place, after: pause) {
                    guard passedOver.insert(place).inserted else { return .failure(exhausted()) }
                    self.obstacle = obstacle
                    failures.append((place, ProviderError(.unsupported, obstacle.detail)))
                    continue
                }
                if pause > .zero {
                    let run = run
                    await run.waits.during { await run.interruptibly { try? await Task.sleep(for: pause) } }
                }
                return .success(place)
            }
        }
    }

    // MARK: Waiting

    /// Every place was full when it was asked: the run lines up like one that comes now, as long as it may wait.
    ///
    /// - Returns: `nil` if that would not help.
    private mutating func waitAgain() async -> Swift.Result<Int, RunFailure>? {
        // Full of what others have there, they may be for ever.
        guard execution.desk.isBusy, !reasons.isEmpty, reasons.allSatisfy(\.saysThatPlaceIsFull), let choice = run.route.choice else {
            return nil
        }
        patienceEnds = patienceEnds ?? .now + execution.configuration.routing.queue.patience
        let end = [run.startDeadline, patienceEnds].compactMap(\.self).min()
        guard let seat = try? execution.desk.lineUp(choice, until: end) else { return nil }
        // What was full before may be tried again.
        failures = []
        passedOver = []
        return await wait(in: seat)
    }

    private mutating func wait(in seat: WaitingRoom.Seat) async -> Swift.Result<Int, RunFailure> {
        patienceEnds = patienceEnds ?? seat.lined + execution.configuration.routing.queue.patience
        await run.log.append(.queued(reason: "every place that can run it is full", ahead: seat.ahead))
        let (run, room) = (run, execution.desk.room)
        let outcome = await run.waits.during { await run.interruptibly { await room.wait(in: seat) } }
        let waited = seat.lined.duration(to: .now)
        switch outcome {
        case .routed(let route):
            run.route = route
            guard let place = route.first else {
                execution.metrics.queued(.expired, after: waited)
                return .failure(RunFailure(.noOffer, route.decision.explanationOfNone))
            }
            execution.metrics.queued(.served, after: waited)
            return .success(place)
        case .expired:
            execution.metrics.queued(.expired, after: waited)
            let isLate = run.startDeadline.map { $0 <= .now + .milliseconds(200) } ?? false
            if isLate { return .failure(tooLate) }
            return .failure(RunFailure(.tooBusy, "every place that can run it was full, and stayed so for \(waited.display)"))
        case .left:
            execution.metrics.queued(.left, after: waited)
            return .failure(RunFailure(.cancelled, "it was ended while it waited for a place"))
        }
    }

    /// Why an attempt there is not even begun.
    private func obstacle(to place: Int, after pause: Duration) -> RunFailure? {
        let offer = run.route.offers[place]
        // Routing looked at the whole cap; what earlier attempts cost is no longer there.
        if let limit = run.request.constraints.maxCost, !execution.isPayable(offer, after: spent) {
            return RunFailure(.costLimit, "what is left of \(limit) does not pay for another attempt")
        }
        if let deadline = run.startDeadline, .now + pause + run.route.expectedStart(at: place) > deadline {
            return tooLate
        }
        return nil
    }

    private var tooLate: RunFailure {
        RunFailure(.latencyLimit, "the code could not be started within \((run.request.constraints.maxLatency ?? .zero).display)")
    }

    /// What the run ends with when no place is left.
    private func exhausted(_ remark: String? = nil) -> RunFailure {
        let messages = reasons.map(\.message)
        let reason = (messages + [remark].compactMap(\.self)).joined(separator: "; ")
        let isLate = run.startDeadline.map { $0 <= .now } ?? false
        if let limit = isLate ? tooLate : obstacle {
            return RunFailure(limit.kind, reason.isEmpty ? limit.detail : "\(limit.detail), after: \(reason)")
        }
        let kind: RunFailure.Kind = !reasons.isEmpty && reasons.allSatisfy { $0.code == .unsupported } ? .unsupported : .providersFailed
        return RunFailure(kind, reason.isEmpty ? "no offer was left" : reason)
    }
}

extension Dispatch.Loss {
    /// It had waited for a run, and was found dead when one came.
    fileprivate var diedWaiting: Bool { isPooled && !codeStarted && error.saysThatSandboxIsGone }
}

extension ProviderError {
    /// Not now, rather than not here.
    fileprivate var saysThatPlaceIsFull: Bool {
        switch code {
        case .quotaExceeded, .rateLimited, .noCapacity: true
        default: false
        }
    }
}

extension Attempt {
    /// Everything, without a rival.
    mutating func tryOut() async -> Dispatch.Result {
        switch await prepare() {
        case .ready(let ready): conclusion(of: await carryOut(ready))
        case .failed(let error): .failed([loss(error)])
        case .impossible(let failure): .ended(.failed(failure))
        case .lost: .failed([])
        }
    }

    func conclusion(of result: Result) -> Dispatch.Result {
        switch result {
        case .ended(let outcome): .ended(outcome)
        case .failed(let error, let codeStarted): .failed([loss(error, codeStarted: codeStarted)])
        case .left: .left
        }
    }

    func loss(_ error: ProviderError, codeStarted: Bool = false) -> Dispatch.Loss {
        Dispatch.Loss(place: place, number: record.number, error: error, codeStarted: codeStarted, isPooled: isPooled)
    }
}

extension RunEvent.Body {
    static func attemptFailed(_ loss: Dispatch.Loss, at route: Route) -> RunEvent.Body {
        .attemptFailed(
            attempt: loss.number, provider: route.offers[loss.place].provider, code: loss.error.code, detail: loss.error.message)
    }
}
