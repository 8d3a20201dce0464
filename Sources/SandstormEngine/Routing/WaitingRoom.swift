import SandstormCore
import SandstormRouting

/// Where runs wait while every place that could take them is full: bounded, fair across tenants, and not for ever.
///
/// Whose turn it is, is asked again where it may go; who still finds all places full lines up anew.
final class WaitingRoom: Sendable {
    /// One run that waits.
    final class Seat: Sendable {
        fileprivate let tenant: UInt64
        fileprivate let deadline: Moment
        fileprivate let reroute: @Sendable () -> Route
        fileprivate let ticket: Locked<FairQueue.Ticket?>
        fileprivate let outcome = Locked<Outcome?>(nil)
        fileprivate let called = ChangeSignal()
        let lined: ContinuousClock.Instant = .now
        /// How many waited when it came.
        let ahead: Int

        fileprivate init(tenant: UInt64, deadline: Moment, ticket: FairQueue.Ticket, ahead: Int, reroute: @escaping @Sendable () -> Route) {
            self.tenant = tenant
            self.deadline = deadline
            self.ahead = ahead
            self.reroute = reroute
            self.ticket = Locked(ticket)
        }

        fileprivate func call(_ result: Outcome) {
            outcome.withLock { if $0 == nil { $0 = result } }
            called.raise()
        }
    }

    enum Outcome: Sendable {
        /// There is a place, or waiting does not help any more.
        case routed(Route)
        /// It has waited for as long as it may.
        case expired
        /// Nobody waits for it any more.
        case left
    }

    private struct State {
        var queue: FairQueue
        var seats: [FairQueue.Ticket: Seat] = [:]
        var isAlarmSet = false
    }

    /// Places that may take more after a while tell nobody: they are asked.
    private static let patrol = Duration.milliseconds(100)
    /// So many are asked in a row before a place is left to those who come next.
    private static let callsAtOnce = 8

    private let capacity: Int
    private let now: @Sendable () -> Moment
    private let state: Locked<State>

    init(capacity: Int, now: @escaping @Sendable () -> Moment) {
        self.capacity = capacity
        self.now = now
        state = Locked(State(queue: FairQueue(capacity: capacity)))
    }

    /// How many wait.
    var count: Int { state.withLock { $0.queue.count } }

    /// Takes a run in.
    ///
    /// - Parameter reroute: asks again where it may go.
    func lineUp(
        _ tenant: String, until deadline: Moment, reroute: @escaping @Sendable () -> Route
    ) throws(FairQueue.Refusal) -> Seat {
        guard capacity > 0 else { throw .full(capacity: 0) }
        var hash = StableHash()
        hash.add(tenant)
        let (number, now) = (hash.value, now())
        let seat = try state.withLock { (state) throws(FairQueue.Refusal) in
            let ahead = state.queue.count
            let ticket = try state.queue.enqueue(number, deadline: deadline, at: now)
            let seat = Seat(tenant: number, deadline: deadline, ticket: ticket, ahead: ahead, reroute: reroute)
            state.seats[ticket] = seat
            return seat
        }
        patrol()
        return seat
    }

    /// Waits for the run's turn.
    func wait(in seat: Seat) async -> Outcome {
        while true {
            let version = seat.called.version
            if let outcome = seat.outcome.withLock({ $0 }) { return outcome }
            if Task.isCancelled {
                leave(seat)
                return .left
            }
            await seat.called.wait(after: version)
        }
    }

    /// The run goes on without a place.
    func leave(_ seat: Seat) {
        guard let ticket = seat.ticket.withLock({ $0 }) else { return }
        state.withLock { state in
            state.queue.remove(ticket)
            state.seats[ticket] = nil
        }
    }

    /// Some place may take one more.
    func callNext() {
        for _ in 0..<WaitingRoom.callsAtOnce {
            let now = now()
            let (next, expired) = state.withLock { state -> (Seat?, [Seat]) in
                guard !state.queue.isEmpty else { return (nil, []) }
                let (next, expired) = state.queue.dequeue(at: now)
                return (
                    next.flatMap { state.seats.removeValue(forKey: $0) }, expired.compactMap { state.seats.removeValue(forKey: $0) }
                )
            }
            for seat in expired { seat.call(.expired) }
            guard let next else { return }
            let route = next.reroute()
            guard route.first == nil, route.isWorthWaiting else { return next.call(.routed(route)) }
            lineUpAgain(next, at: now)
        }
    }

    private func lineUpAgain(_ seat: Seat, at now: Moment) {
        let isIn = state.withLock { state in
            guard let ticket = try? state.queue.enqueue(seat.tenant, deadline: seat.deadline, at: now) else { return false }
            state.seats[ticket] = seat
            seat.ticket.withLock { $0 = ticket }
            return true
        }
        // At this pace its turn would come too late.
        if !isIn { seat.call(.expired) }
    }

    /// Looks again now and then, as long as anybody waits.
    private func patrol() {
        let isToSet = state.withLock { state in
            guard !state.isAlarmSet, !state.queue.isEmpty else { return false }
            state.isAlarmSet = true
            return true
        }
        guard isToSet else { return }
        _ = Alarms.shared.set(at: .now + WaitingRoom.patrol) { [weak self] in
            guard let self else { return }
            state.withLock { $0.isAlarmSet = false }
            callNext()
            patrol()
        }
    }
}
