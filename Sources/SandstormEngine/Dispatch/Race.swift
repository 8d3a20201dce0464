import SandstormCore
import SandstormRouting
import SandstormStore

/// An attempt, and a second one elsewhere if the first is late. The first that is ready runs the code; the other is killed, and what it
/// cost belongs to the run.
struct Race {
    private let execution: RunExecution
    private let plan: HedgePlan
    private let line = FinishLine()
    private let begun = ContinuousClock.now

    private enum Event: Sendable {
        case prepared(Attempt, Attempt.Preparation)
        /// The first is late, or it matters no more.
        case rang
    }

    init(_ execution: RunExecution, _ plan: HedgePlan) {
        self.execution = execution
        self.plan = plan
    }

    private var run: ActiveRun { execution.run }

    /// - Returns: how it went, and the attempts that there were.
    func carryOut(_ first: Attempt) async -> (Dispatch.Result, [Attempt]) {
        let bell = Bell(after: plan.delay)
        let money = Bell(after: nil)
        return await withTaskGroup(of: Event.self) { [self] group in
            var done: [Attempt] = []
            var losses: [Dispatch.Loss] = []
            var result: Dispatch.Result?
            var second: (attempt: Attempt, begun: ContinuousClock.Instant)?
            send(first, &group)
            group.addTask {
                await bell.wait()
                return .rang
            }
            for await event in group {
                switch event {
                case .rang:
                    guard bell.isLate, done.isEmpty, !line.isCrossed, let hedge = await hedge(beside: first, money) else { continue }
                    guard line.enter(hedge.record.id, hedge.callOff) else {
                        var hedge = hedge
                        await hedge.withdraw()
                        done.append(hedge)
                        continue
                    }
                    second = (hedge, .now)
                    execution.metrics.hedged(.granted)
                    await run.log.append(.hedged(attempt: hedge.record.number, provider: hedge.offer.provider))
                    send(hedge, &group)
                case .prepared(var attempt, let preparation):
                    switch preparation {
                    case .ready(let ready):
                        bell.silence()
                        money.silence()
                        if attempt.isHedge { execution.metrics.hedged(.won) }
                        let other = attempt.isHedge ? (first, begun) : second
                        attempt.spent += cost(of: other, amongst: done)
                        result = attempt.conclusion(of: await attempt.carryOut(ready))
                    case .failed(let error):
                        var loss = attempt.loss(error)
                        if second != nil {
                            // The other goes on, perhaps for long.
                            await run.log.append(.attemptFailed(loss, at: run.route))
                            loss.isTold = true
                        }
                        losses.append(loss)
                    case .impossible(let failure): result = result ?? .ended(.failed(failure))
                    case .lost: break
                    }
                    done.append(attempt)
                    // Nobody is left whom a second could help.
                    if done.count == (second == nil ? 1 : 2) { bell.silence() }
                }
            }
            money.silence()
            if result != nil {
                for loss in losses { execution.metrics.attemptFailed(run.route.offers[loss.place].provider, loss.error.code) }
            }
            return (result ?? .failed(losses.sorted { $0.number < $1.number }), done)
        }
    }

    private func send(_ attempt: Attempt, _ group: inout TaskGroup<Event>) {
        if !attempt.isHedge { _ = line.enter(attempt.record.id, attempt.callOff) }
        group.addTask { [line] in
            var attempt = attempt
            let preparation = await attempt.prepare()
            guard case .ready(let ready) = preparation else { return .prepared(attempt, preparation) }
            if line.isContested, let error = await attempt.reach(ready) { return .prepared(attempt, .failed(error)) }
            if line.cross(attempt.record.id) { return .prepared(attempt, preparation) }
            await attempt.giveUp(ready)
            return .prepared(attempt, .lost)
        }
    }

    /// The second attempt, if there is to be one and it is paid for.
    ///
    /// - Parameter money: rings when what both cost leaves nothing for the code.
    private func hedge(beside first: Attempt, _ money: Bell) async -> Attempt? {
        execution.metrics.hedged(.asked)
        let route = run.route
        if let deadline = execution.startDeadline, .now + route.expectedStart(at: plan.offer) > deadline { return nil }
        guard timeToPayBoth(first.offer, route.offers[plan.offer], first.spent) != nil,
            let place = execution.desk.takeHedge(on: route),
            let limit = timeToPayBoth(first.offer, route.offers[place], first.spent)
        else { return nil }
        if limit < .longest {
            money.ring(after: limit) { [line] in line.close("called off: what both places cost left nothing for the code") }
        }
        return Attempt(place: place, number: first.record.number + 1, spent: first.spent, isHedge: true, execution: execution)
    }

    /// How long both may go on so that what is left afterwards still pays for the code on either.
    ///
    /// - Returns: `nil` if that is no time at all; ``Duration/longest`` without a cap.
    private func timeToPayBoth(_ first: Offer, _ second: Offer, _ spent: Money) -> Duration? {
        guard let limit = run.request.constraints.maxCost else { return .longest }
        let elapsed = begun.duration(to: .now)
        var time = execution.configuration.createTimeout
        while time >= .milliseconds(100) {
            let lost = [(first, elapsed + time), (second, time)].map { offer, life in
                offer.price.cost(of: offer.resources, for: life + execution.teardownTime(of: offer)) ?? limit
            }
            let needed = [(first, elapsed + time), (second, time)].map { offer, life in
                let whole = life + RunExecution.leastUsefulLife + execution.teardownTime(of: offer)
                return offer.price.cost(of: offer.resources, for: whole) ?? limit
            }
            if spent + lost[1] + needed[0] <= limit, spent + lost[0] + needed[1] <= limit { return time }
            time /= 2
        }
        return nil
    }

    /// What the other attempt costs at most, now that it is called off.
    private func cost(of other: (attempt: Attempt, begun: ContinuousClock.Instant)?, amongst done: [Attempt]) -> Money {
        guard let other, run.request.constraints.maxCost != nil else { return .zero }
        if let ended = done.first(where: { $0.record.id == other.attempt.record.id }) { return ended.record.charge }
        let offer = other.attempt.offer
        let life = other.begun.duration(to: .now) + execution.teardownTime(of: offer)
        return offer.price.cost(of: offer.resources, for: life) ?? .zero
    }
}

/// An alarm that one task waits for.
final class Bell: Sendable {
    private let signal = ChangeSignal()
    private let state: Locked<(isLate: Bool, isSilent: Bool, alarm: Alarms.Alarm?)>

    /// - Parameter delay: `nil` for one that is set later.
    init(after delay: Duration?) {
        state = Locked((false, false, nil))
        if let delay { ring(after: delay) {} }
    }

    /// It rang before it was silenced.
    var isLate: Bool { state.withLock { $0.isLate } }

    func ring(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        let alarm = Alarms.shared.set(at: .now + delay) { [state, signal] in
            let isHeard = state.withLock { state in
                if !state.isSilent { state.isLate = true }
                return !state.isSilent
            }
            if isHeard { action() }
            signal.raise()
        }
        state.withLock { $0.alarm = alarm }
    }

    /// It rings no more, and nobody waits for it any longer.
    func silence() {
        state.withLock { state in
            state.isSilent = true
            return state.alarm
        }?.cancel()
        signal.raise()
    }

    func wait() async {
        while true {
            let version = signal.version
            if state.withLock({ $0.isLate || $0.isSilent }) { return }
            await signal.wait(after: version)
        }
    }
}
