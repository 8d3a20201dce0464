import NIOCore
import SandstormCore

/// The channel's end of an ``AgentConnection``: bytes to frames, and the news of its end.
final class AgentChannelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var reader = AgentFrameReader()
    private let link: AgentLink

    init(_ link: AgentLink) { self.link = link }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        reader.append(unwrapInboundIn(data))
        do throws(AgentProtocolError) {
            while let frame = try reader.next() { try link.receive(frame) }
        } catch {
            link.close(because: ProviderError(.interrupted, "the sandbox's agent broke its protocol: \(error)"))
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        link.close(because: ProviderError(.interrupted, "the sandbox's agent is gone"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        link.close(because: ProviderError(.interrupted, "the connection to the sandbox's agent broke", vendorDetail: "\(error)"))
    }
}
