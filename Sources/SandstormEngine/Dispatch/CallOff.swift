import SandstormCore

/// Ends what of one attempt can be cut short, once nobody needs it any more.
///
/// The attempt's task itself is never cancelled, so that what it has made is killed and written down.
final class CallOff: Sendable {
    private let state = Locked((reason: String?.none, cancel: (@Sendable () -> Void)?.none))

    /// Why it was called off; `nil` if it was not.
    var reason: String? { state.withLock { $0.reason } }

    /// The first reason stays.
    func callOff(_ reason: String) {
        let cancel = state.withLock { state in
            if state.reason == nil { state.reason = reason }
            return state.cancel
        }
        cancel?()
    }

    /// What to cancel from now on, until the next call; at once if it is called off already.
    func cancels(_ cancel: (@Sendable () -> Void)?) {
        let isLate = state.withLock { state in
            state.cancel = cancel
            return state.reason != nil
        }
        if isLate { cancel?() }
    }
}
