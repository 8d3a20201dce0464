import Glibc

/// Something that takes many system calls and is done in small steps.
protocol Work: AnyObject {
    /// Does one step.
    ///
    /// - Returns: whether there is more to do.
    func step() throws(AgentFailure) -> Bool
    /// Undoes what was begun, step by step: from now on ``step()`` does that.
    func cancel()
}

/// Work and its one answer.
final class WorkChannel: Channel {
    private static let stepLimit = 64

    let id: UInt32
    var isQueued = false

    private let work: any Work
    private let outbound: Outbound
    private var failure: AgentFailure?
    private var isCancelled = false

    init(id: UInt32, _ work: any Work, outbound: Outbound) {
        self.id = id
        self.work = work
        self.outbound = outbound
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        guard !isCancelled, failure == nil else { return .ready }
        if case .cancel = message {
            isCancelled = true
        } else {
            failure = .unexpected(message)
        }
        work.cancel()
        return .ready
    }

    func note(_ event: Poller.Event) -> ChannelState { .waiting }

    func pump() -> ChannelState {
        for _ in 0..<Self.stepLimit {
            do throws(AgentFailure) {
                if try work.step() { continue }
            } catch {
                // What can't be undone stays; the first failure is the one to tell.
                guard failure == nil, !isCancelled else { return finish() }
                failure = error
                work.cancel()
                continue
            }
            return finish()
        }
        return .ready
    }

    func abandon() {}

    private func finish() -> ChannelState {
        if !isCancelled { outbound.send(failure.map { .failed($0) } ?? .done, on: id) }
        return .closed
    }
}
