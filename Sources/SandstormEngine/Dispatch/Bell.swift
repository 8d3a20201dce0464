import SandstormCore

/// An alarm that one task waits for.
final class Bell: Sendable {
    private let signal = ChangeSignal()
    private let state = Locked((isLate: false, isSilent: false, alarm: Alarms.Alarm?.none))

    /// It rang before it was silenced.
    var isLate: Bool { state.withLock { $0.isLate } }

    /// Sets it, in the place of what it was set to.
    func ring(after delay: Duration, _ action: @escaping @Sendable () -> Void = {}) {
        let alarm = Alarms.shared.set(at: .now + delay) { [state, signal] in
            let isHeard = state.withLock { state in
                if !state.isSilent { state.isLate = true }
                return !state.isSilent
            }
            if isHeard { action() }
            signal.raise()
        }
        let earlier = state.withLock { state in
            defer { state.alarm = alarm }
            return state.alarm
        }
        earlier?.cancel()
    }

    /// It rings no more, and nobody waits for it any longer.
    func silence() {
        let alarm = state.withLock { state in
            state.isSilent = true
            return state.alarm
        }
        alarm?.cancel()
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
