import SandstormCore
import SandstormRouting
import SandstormStore

/// An attempt, and others elsewhere while none is ready in time. The first that is ready runs the code; the others are killed, and what they
/// cost belongs to the run.
struct Race {
    private let execution: RunExecution
    private let plan: HedgePlan
    /// Places that the run has tried before.
    private let tried: [Int]
    /// When the run's first attempt began.
    private let since: ContinuousClock.Instant
    private let line = FinishLine()
    /// Rings when what all of them cost leaves nothing for the code.
    private let money = Bell()

    private enum Event: Sendable {
        case prepared(Attempt, Attempt.Preparation)
        /// Nobody is ready yet; or it matters no more.
        case rang
    }

    /// One that takes part.
    private struct Racer {
        var attempt: Attempt
        var begun = ContinuousClock.now
    }

    init(_ execution: RunExecution, _ plan: HedgePlan, tried: [Int], since: ContinuousClock.Instant) {
        self.execution = execution
        self.plan = plan
        self.tried = tried
        self.since = since
    }

    private var run: ActiveRun { execution.run }

    /// - Returns: how it went, and the attempts that there were.
    func carryOut(_ first: Attempt) async -> (Dispatch.Result, [Attempt]) {
        await withTaskGroup(of: Event.self) { [self] group in
            var racers = [Racer(attempt: first)]
            var done: [Attempt] = []
            var losses: [Dispatch.Loss] = []
            var result: Dispatch.Result?
            var bell = Bell()
            func arm(_ delay: Duration, _ group: inout TaskGroup<Event>) {
                bell = Bell()
                bell.ring(after: delay)
                group.addTask { [bell] in
                    await bell.wait()
                    return .rang
                }
            }
            _ = line.enter(first.record.id, first.callOff)
            send(first, &group)
            arm(plan.delay, &group)
            for await event in group {
                switch event {
                case .rang:
                    // Who has failed is followed by the next, not by a hedge.
                    guard bell.isLate, done.count < racers.count, !line.isCrossed, run.cancellation == nil else { continue }
                    switch step(racers) {
                    case .none: break
                    case .wait(let time): arm(time, &group)
                    case .start(let place, let again):
                        guard let racer = await hedge(at: place, beside: racers) else { continue }
                        racers.append(racer)
                        send(racer.attempt, &group)
                        if let again { arm(again, &group) }
                    }
                case .prepared(var attempt, let preparation):
                    switch preparation {
                    case .ready(let ready):
                        bell.silence()
                        money.silence()
                        if attempt.isHedge { execution.metrics.hedged(.won) }
                        attempt.spent += cost(of: racers.filter { $0.attempt.record.id != attempt.record.id }, done)
                        result = attempt.conclusion(of: await attempt.carryOut(ready))
                    case .failed(let error):
                        var loss = attempt.loss(error)
                        if done.count + 1 < racers.count, !line.isCrossed {
                            // The others go on, perhaps for long.
                            await run.log.append(.attemptFailed(loss, at: run.route))
                            loss.isTold = true
                        }
                        losses.append(loss)
                    case .impossible(let failure): result = result ?? .ended(.failed(failure))
                    case .lost: break
                    }
                    done.append(attempt)
                    if done.count == racers.count { bell.silence() }
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

    /// What the router makes of it that nobody is ready yet.
    private func step(_ racers: [Racer]) -> HedgeStep {
        execution.metrics.hedged(.asked)
        let deadline = run.startDeadline
        // Not even asked for where it is known that it would be of no use: what is asked for and not sent is a loss for others.
        if let deadline, .now + run.route.expectedStart(at: plan.offer) > deadline { return .none }
        if timeToPay(for: racers, and: plan.offer) == nil { return .none }
        return execution.desk.hedge(
            on: run.route, tried: tried + racers.map(\.attempt.place), waited: since.duration(to: .now))
    }

    /// One more attempt, if it is paid for and comes in time.
    private func hedge(at place: Int, beside racers: [Racer]) async -> Racer? {
        guard let time = timeToPay(for: racers, and: place), let last = racers.map(\.attempt.record.number).max(), let first = racers.first
        else { return nil }
        let attempt = Attempt(place: place, number: last + 1, spent: first.attempt.spent, isHedge: true, execution: execution)
        guard line.enter(attempt.record.id, attempt.callOff) else {
            // One is ready in this very moment. Nobody has heard of this one yet.
            if let pooled = attempt.pooled { await execution.pools.discard(pooled) }
            return nil
        }
        if time < .longest {
            money.ring(after: time) { [line] in line.close("called off: what all places cost left nothing for the code") }
        }
        execution.metrics.hedged(.granted)
        await run.log.append(.hedged(attempt: attempt.record.number, provider: attempt.offer.provider))
        return Racer(attempt: attempt)
    }

    // MARK: Money

    /// How long all of them and one more may go on so that what is left afterwards still pays for the code on any.
    ///
    /// - Returns: `nil` if that is no time at all; ``Duration/longest`` without a cap.
    private func timeToPay(for racers: [Racer], and place: Int) -> Duration? {
        guard let limit = run.request.constraints.maxCost, let first = racers.first else { return .longest }
        let lives = racers.map { ($0.attempt.offer, $0.begun.duration(to: .now)) } + [(run.route.offers[place], .zero)]
        var time = execution.configuration.createTimeout
        while time >= .milliseconds(100) {
            let lost = lives.map { offer, life in cost(of: offer, for: life + time) ?? limit }
            let used = lives.map { offer, life in cost(of: offer, for: life + time + Router.leastUsefulLife) ?? limit }
            let all = lost.reduce(first.attempt.spent, +)
            if lives.indices.allSatisfy({ all - lost[$0] + used[$0] <= limit }) { return time }
            time /= 2
        }
        return nil
    }

    /// What a sandbox costs that is killed after so long.
    private func cost(of offer: Offer, for life: Duration) -> Money? {
        offer.price.cost(of: offer.resources, for: life + execution.teardownTime(of: offer))
    }

    /// What others cost at most, now that they are called off.
    private func cost(of others: [Racer], _ done: [Attempt]) -> Money {
        guard run.request.constraints.maxCost != nil else { return .zero }
        return others.reduce(Money.zero) { sum, racer in
            if let ended = done.first(where: { $0.record.id == racer.attempt.record.id }) { return sum + ended.record.charge }
            return sum + (cost(of: racer.attempt.offer, for: racer.begun.duration(to: .now)) ?? .zero)
        }
    }
}
