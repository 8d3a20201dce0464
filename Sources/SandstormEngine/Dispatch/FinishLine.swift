import SandstormCore

/// Where attempts that race decide which of them runs the code: the first that is ready, and no other.
final class FinishLine: Sendable {
    private let state = Locked((winner: AttemptID?.none, racers: [AttemptID: CallOff]()))

    /// Somebody has won.
    var isCrossed: Bool { state.withLock { $0.winner != nil } }

    /// More than one has been sent off.
    var isContested: Bool { state.withLock { $0.racers.count > 1 } }

    /// Sends an attempt off.
    ///
    /// - Returns: `false` if the race is over.
    func enter(_ attempt: AttemptID, _ callOff: CallOff) -> Bool {
        state.withLock { state in
            guard state.winner == nil else { return false }
            state.racers[attempt] = callOff
            return true
        }
    }

    /// - Returns: whether the attempt has won; the others are then called off.
    func cross(_ attempt: AttemptID) -> Bool {
        let (hasWon, others) = state.withLock { state -> (Bool, [CallOff]) in
            guard state.winner == nil else { return (state.winner == attempt, []) }
            state.winner = attempt
            return (true, state.racers.filter { $0.key != attempt }.map(\.value))
        }
        for other in others { other.callOff("called off: another place was faster") }
        return hasWon
    }

    /// Ends the race without a winner, unless there is one.
    func close(_ reason: String) {
        let racers = state.withLock { $0.winner == nil ? Array($0.racers.values) : [] }
        for racer in racers { racer.callOff(reason) }
    }
}
