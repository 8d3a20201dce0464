import NIOCore
import SandstormCore
import SandstormWire

/// What happens to a stream by the clock: signs of life, and its end when the gateway stops.
///
/// On the timers of the connection's event loop, not in tasks that wait: of these each would cost every open stream some kilobytes.
final class StreamTimers: Sendable {
    private struct State {
        var isStopped = false
        var heartbeat: RepeatedTask?
        var ending: Scheduled<Void>?
        /// By what the latch of the shutdown knows this.
        var waiter: Int?
    }

    private let state = Locked(State())
    private let client: ClientPresence

    init(_ client: ClientPresence) { self.client = client }

    /// Calls `action` again and again.
    func every(_ interval: Duration, _ action: @escaping @Sendable () -> Void) {
        let interval = TimeAmount(interval)
        let task = client.channel.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in action() }
        state.withLock { $0.heartbeat = task }
    }

    /// Calls `first` once the gateway was asked to stop and its patience with the client has ended, and `last` some time later.
    func whenStopping(
        _ first: @escaping @Sendable () -> Void, thenAfter delay: Duration, _ last: @escaping @Sendable () -> Void
    ) {
        let waiter = client.shutdown.whenOpen { [weak self, patience = client.patience] in
            self?.after(patience) { [weak self] in
                first()
                self?.after(delay, last)
            }
        }
        state.withLock { $0.waiter = waiter }
    }

    private func after(_ delay: Duration, _ action: @escaping @Sendable () -> Void) {
        state.withLock { state in
            guard !state.isStopped else { return }
            state.ending = client.channel.eventLoop.scheduleTask(in: TimeAmount(delay), action)
        }
    }

    /// Nothing more happens; what is under way may still come to its end.
    func stop() {
        let (heartbeat, ending, waiter) = state.withLock { state in
            state.isStopped = true
            return (state.heartbeat.take(), state.ending.take(), state.waiter)
        }
        heartbeat?.cancel()
        ending?.cancel()
        if let waiter { client.shutdown.forget(waiter) }
    }
}
