import Glibc

/// Makes the bytes of a stream piece by piece.
protocol Producer: AnyObject {
    /// Appends what one small step yields, possibly nothing.
    ///
    /// - Returns: whether there is more to come.
    func produce(into bytes: inout [UInt8]) throws(AgentFailure) -> Bool
}

/// A stream of bytes on its way to the gateway that is made as it is taken: a listing, an archive.
final class ProducerChannel: Channel {
    /// Steps of one turn, and bytes that are worth a frame.
    private static let stepLimit = 64
    private static let frameSize = 48 * 1024

    let id: UInt32
    var isQueued = false

    private let producer: any Producer
    private let outbound: Outbound
    private var window = AgentSendWindow()
    private var pending: [UInt8] = []
    private var isFinished = false

    /// Queues its `ready`.
    init(id: UInt32, _ producer: any Producer, outbound: Outbound) {
        self.id = id
        self.producer = producer
        self.outbound = outbound
        outbound.send(.ready, on: id)
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        switch message {
        case .credit(let bytes):
            do throws(AgentProtocolError) {
                try window.grant(bytes)
                return .ready
            } catch {
                return fail(.violation(error.description))
            }
        case .cancel:
            return .closed
        default:
            return fail(.unexpected(message))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState { .waiting }

    func pump() -> ChannelState {
        do throws(AgentFailure) {
            var steps = 0
            while !isFinished, pending.count < Self.frameSize, steps < Self.stepLimit {
                isFinished = try !producer.produce(into: &pending)
                steps += 1
            }
        } catch {
            return fail(error)
        }
        let count = min(pending.count, window.available, AgentProtocol.maximumDataLength)
        // Small pieces are gathered: a listing's frame costs the gateway more than its bytes do.
        if count > 0, isFinished || pending.count >= Self.frameSize {
            outbound.send(.data(Array(pending[..<count])), on: id)
            pending.removeSubrange(..<count)
            // Not more than was available was asked for, so this cannot fail.
            try? window.spend(count)
        }
        if isFinished, pending.isEmpty {
            outbound.send(.end, on: id)
            return .closed
        }
        return window.available > 0 || (!isFinished && pending.count < Self.frameSize) ? .ready : .waiting
    }

    func abandon() {}

    private func fail(_ failure: AgentFailure) -> ChannelState {
        outbound.send(.failed(failure), on: id)
        return .closed
    }
}
