import AsyncHTTPClient
import BenchmarkFigures
import NIOCore
import NIOHTTP1
import NIOPosix
import SandstormCore

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// What an open event stream costs the gateway while nothing happens on it.
enum OpenStreams {
    private static let streams = 10_000

    static func run() async throws -> [Finding] {
        var limit = rlimit()
        #if canImport(Glibc)
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let files = RLIMIT_NOFILE
        #endif
        getrlimit(files, &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(files, &limit)
        guard limit.rlim_cur >= rlim_t(streams + 500) else {
            throw BenchmarkFailure("\(streams) connections need more than the \(limit.rlim_cur) descriptors that a process may have here")
        }
        let gateway = try await GatewayProcess(["--provider", "null"])
        let accepted = try await GatewayProcess.client.execute(
            gateway.request(
                "/v1/runs",
                [
                    "spec": ["command": ["sleep", "600"], "timeout": 900_000], "constraints": ["preferredProviders": ["null"]],
                    "detached": true,
                ]),
            timeout: .seconds(10))
        let body = try await accepted.body.collect(upTo: 1 << 20)
        guard let id = try JSONValue(parsing: body.readableBytesView)["id"]?.stringValue else {
            throw BenchmarkFailure("the run was refused with status \(accepted.status.code)")
        }
        // Allocators keep what a first load needed.
        let warm = try await open(100, id, gateway)
        for channel in warm { try await channel.close() }
        try await Task.sleep(for: .seconds(1))
        let before = gateway.residentBytes
        let channels = try await open(streams, id, gateway)
        try await Task.sleep(for: .seconds(2))
        let each = Double(gateway.residentBytes - before) / Double(streams) / 1024
        for channel in channels { try await channel.close() }
        await gateway.stop()
        return [Finding("\(streams) streams, resident memory of each", "\(each.rounded(to: 1)) KiB", bar: ("< 40 KiB", each < 40))]
    }

    /// Opens streams and waits until each has brought its first events.
    private static func open(_ count: Int, _ run: String, _ gateway: GatewayProcess) async throws -> [any Channel] {
        let request = """
            GET /v1/runs/\(run)/events HTTP/1.1\r
            host: 127.0.0.1\r
            accept: text/event-stream\r
            authorization: Bearer \(gateway.key)\r
            \r

            """
        var channels: [any Channel] = []
        for start in stride(from: 0, to: count, by: 100) {
            let opened = try await withThrowingTaskGroup(of: (any Channel).self) { group in
                for _ in start..<min(start + 100, count) {
                    group.addTask {
                        let started = gateway.group.next().makePromise(of: Void.self)
                        let channel = try await ClientBootstrap(group: gateway.group)
                            .channelInitializer { channel in
                                channel.eventLoop.makeCompletedFuture {
                                    try channel.pipeline.syncOperations.addHandler(AwaitStart(started))
                                }
                            }
                            .connect(host: "127.0.0.1", port: gateway.port).get()
                        try await channel.writeAndFlush(ByteBuffer(string: request))
                        try await started.futureResult.get()
                        return channel
                    }
                }
                var opened: [any Channel] = []
                for try await channel in group { opened.append(channel) }
                return opened
            }
            channels += opened
        }
        return channels
    }

    /// Succeeds once the stream has said that the run has started.
    private final class AwaitStart: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let started: EventLoopPromise<Void>
        private var text = ""
        private var isDone = false

        init(_ started: EventLoopPromise<Void>) { self.started = started }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !isDone else { return }
            text += String(buffer: unwrapInboundIn(data))
            if text.contains("event: started") {
                isDone = true
                text = ""
                started.succeed()
            }
        }

        func channelInactive(context: ChannelHandlerContext) {
            if !isDone { started.fail(BenchmarkFailure("a stream was closed: \(text.prefix(500))")) }
        }
    }
}

extension GatewayProcess {
    var group: any EventLoopGroup { MultiThreadedEventLoopGroup.singleton }
}
