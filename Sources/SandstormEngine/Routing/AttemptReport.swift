import SandstormCore
import SandstormRouting

/// Tells the desk what becomes of one attempt: that it began, then once how its start went, then once how the code ended.
///
/// What was told already is not told again, whatever is said later: whoever gives an attempt up need not know how far it had come.
final class AttemptReport: Sendable {
    private enum Phase {
        case idle
        case begun(Moment)
        /// A sandbox was made, after so long, and waits for somebody to want it.
        case waiting(Duration)
        case started(Moment)
        case over
    }

    private let desk: RoutingDesk
    private let choice: Route.Choice?
    private let place: Int
    private let phase = Locked(Phase.idle)

    init(_ desk: RoutingDesk, _ route: Route, place: Int) {
        self.desk = desk
        choice = route.choice
        self.place = place
    }

    /// A create goes out now.
    func began() {
        let now = desk.now
        let isFirst = phase.withLock { phase in
            guard case .idle = phase else { return false }
            phase = .begun(now)
            return true
        }
        if isFirst, let choice { desk.began(place, of: choice, at: now) }
    }

    /// The sandbox is there, and waits for somebody to want it.
    func waits() {
        let now = desk.now
        phase.withLock { if case .begun(let begun) = $0 { $0 = .waiting(now - begun) } }
    }

    /// Somebody wanted the sandbox that waited, and tells from now on what becomes of it.
    func handOver() {
        tell { phase, _ in
            guard case .waiting(let time) = phase else { return nil }
            phase = .over
            return .started(after: time)
        }
    }

    /// The sandbox was there before: how long it took to be made was told then.
    func tookOver() {
        let now = desk.now
        phase.withLock { if case .idle = $0 { $0 = .started(now) } }
    }

    /// The place has begun to carry out what it was asked.
    func started() {
        tell { phase, now in
            guard case .begun(let begun) = phase else { return nil }
            phase = .started(now)
            return .started(after: now - begun)
        }
    }

    /// It ended in an error of the place.
    ///
    /// - Parameter moment: when it did; `nil` for now.
    func failed(_ error: ProviderError, at moment: Moment? = nil) {
        tell(moment) { phase, now in
            defer { phase = .over }
            switch phase {
            case .begun(let begun): return .failed(error.code, after: now - begun, retryAfter: error.retryAfter)
            case .started(let started):
                return error.isLossOfPlace ? .interrupted(after: now - started) : .finished(after: now - started)
            case .waiting(let time): return .abandoned(after: time)
            case .idle, .over: return nil
            }
        }
    }

    /// Nobody waits for it any more.
    func abandoned(at moment: Moment? = nil) {
        tell(moment) { phase, now in
            defer { phase = .over }
            switch phase {
            case .begun(let begun): return .abandoned(after: now - begun)
            case .waiting(let time): return .abandoned(after: time)
            case .started(let started): return .finished(after: now - started)
            case .idle, .over: return nil
            }
        }
    }

    /// The code has ended, by itself or since its time or its money had run out: the place has done what it was asked.
    func finished(at moment: Moment? = nil) {
        tell(moment) { phase, now in
            guard case .started(let started) = phase else { return nil }
            phase = .over
            return .finished(after: now - started)
        }
    }

    private func tell(_ moment: Moment? = nil, _ change: @Sendable (inout Phase, Moment) -> Observation.Event?) {
        let now = desk.now
        let then = moment ?? now
        guard let event = phase.withLock({ change(&$0, then) }), let choice else { return }
        desk.record(event, at: place, of: choice, at: now)
    }

    deinit {
        switch phase.withLock({ $0 }) {
        case .begun, .waiting: abandoned()
        case .idle, .started, .over: break
        }
    }
}

extension ProviderError {
    /// The sandbox died or stopped answering, rather than that something asked of it was wrong.
    fileprivate var isLossOfPlace: Bool {
        switch code {
        case .interrupted, .notFound: !outOfMemory && fileProblem == nil
        case .unavailable, .timedOut: true
        default: false
        }
    }
}
