import NIOCore
import NIOPosix

/// A client that says something and then never reads.
enum StalledConnection {
    /// Runs `body` while the connection is open and unread.
    static func connect(to port: Int, sending bytes: ByteBuffer, _ body: () async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(ChannelOptions.autoRead, value: false)
            // Small buffers, so that the server feels at once that nobody reads.
            .channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 4096)
            .connect(host: "127.0.0.1", port: port).get()
        do {
            try await channel.writeAndFlush(bytes).get()
            try await body()
        } catch {
            try? await channel.close()
            throw error
        }
        try? await channel.close()
    }

    /// Opens a connection that nobody reads, and leaves it to whoever is on the other side to end it.
    static func leave(open port: Int, sending bytes: ByteBuffer) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .channelOption(ChannelOptions.autoRead, value: false)
            .channelOption(ChannelOptions.socketOption(.so_rcvbuf), value: 4096)
            .connect(host: "127.0.0.1", port: port).get()
        if bytes.readableBytes > 0 { try await channel.writeAndFlush(bytes).get() }
    }
}
