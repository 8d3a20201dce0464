import CLinux
import Glibc

/// An archive on its way from the gateway, unpacked as it comes.
final class ExtractChannel: Channel {
    private static let stepLimit = 64

    let id: UInt32
    var isQueued = false

    private let outbound: Outbound
    private var reader = TarReader()
    private let extractor: Extractor
    private var window = AgentReceiveWindow()
    private var hasEnded = false

    /// Queues its `ready`.
    init(id: UInt32, _ request: AgentPathRequest, outbound: Outbound) throws(AgentFailure) {
        self.id = id
        self.outbound = outbound
        try request.allow([])
        extractor = try Extractor(into: FilePath(request.path))
        outbound.send(.ready, on: id)
    }

    func receive(_ message: AgentMessage) -> ChannelState {
        switch message {
        case .data(let bytes) where !hasEnded:
            do throws(AgentProtocolError) {
                try window.receive(bytes.count)
            } catch {
                return fail(.violation(error.description))
            }
            do throws(AgentFailure) {
                try reader.consume(bytes) { (event) throws(AgentFailure) in try extractor.handle(event) }
            } catch {
                return fail(error)
            }
            if let credit = window.consume(bytes.count) {
                outbound.send(.credit(bytes: credit), on: id)
            }
            return .waiting
        case .end where !hasEnded:
            do throws(AgentFailure) {
                try reader.finish()
            } catch {
                return fail(error)
            }
            hasEnded = true
            return .ready
        case .cancel:
            abandon()
            return .closed
        default:
            return fail(.unexpected(message))
        }
    }

    func note(_ event: Poller.Event) -> ChannelState { .waiting }

    func pump() -> ChannelState {
        guard hasEnded else { return .waiting }
        for _ in 0..<Self.stepLimit {
            guard extractor.finishDirectory() else {
                outbound.send(.done, on: id)
                return .closed
            }
        }
        return .ready
    }

    func abandon() {
        extractor.abandon()
    }

    private func fail(_ failure: AgentFailure) -> ChannelState {
        abandon()
        outbound.send(.failed(failure), on: id)
        return .closed
    }
}
