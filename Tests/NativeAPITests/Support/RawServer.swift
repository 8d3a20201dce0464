import NIOCore
import NIOPosix
import SandstormCore
import SandstormTestSupport

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A server on a unix socket that says exactly what the test says.
struct RawServer: Sendable {
    typealias Inbound = NIOAsyncChannelInboundStream<ByteBuffer>
    typealias Outbound = NIOAsyncChannelOutboundWriter<ByteBuffer>

    /// Where it listens, as a sandbox's port has it.
    let endpoint: SandboxEndpoint
    /// Connections that were accepted.
    let accepted: Locked<Int>
    /// Connections that are open.
    let open: Locked<Int>

    /// Runs `body` while the server serves each connection with `serve`.
    static func run(
        serving serve: @escaping @Sendable (Inbound, Outbound) async throws -> Void, _ body: @Sendable (RawServer) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/port.sock"
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .bind(unixDomainSocketPath: path) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        let server = RawServer(endpoint: try endpoint(path), accepted: Locked(0), open: Locked(0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await withThrowingDiscardingTaskGroup { connections in
                    try await listener.executeThenClose { inbound in
                        for try await connection in inbound {
                            connections.addTask {
                                server.accepted.withLock { $0 += 1 }
                                server.open.withLock { $0 += 1 }
                                try? await connection.executeThenClose { try await serve($0, $1) }
                                server.open.withLock { $0 -= 1 }
                            }
                        }
                    }
                }
            }
            defer { group.cancelAll() }
            try await body(server)
        }
        withExtendedLifetime(directory) {}
    }

    /// The address of a unix socket, as a sandbox's port has it.
    static func endpoint(_ path: String, headers: [String: String] = [:]) throws -> SandboxEndpoint {
        guard let url = URL(string: "http+unix://" + path.replacing("/", with: "%2F")) else { throw CancellationError() }
        return SandboxEndpoint(url: url, headers: headers)
    }
}

extension NIOAsyncChannelInboundStream<ByteBuffer> {
    /// Reads until what was received contains `part`, or the connection's end.
    static func read(_ iterator: inout AsyncIterator, until part: String) async throws -> String {
        var text = ""
        while !text.contains(part), let bytes = try await iterator.next() { text += String(buffer: bytes) }
        return text
    }
}
