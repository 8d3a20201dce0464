import NIOCore
import NIOPosix
import SandstormCore

/// A TCP connection that says exactly what the test says.
struct RawConnection: Sendable {
    private let channel: any Channel
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private let received: Received

    /// Everything received so far.
    private actor Received {
        private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
        private var bytes = ByteBuffer()
        private(set) var isAtEnd = false

        init(_ stream: NIOAsyncChannelInboundStream<ByteBuffer>) { iterator = stream.makeAsyncIterator() }

        var text: String { String(buffer: bytes) }
        var all: [UInt8] { Array(bytes.readableBytesView) }

        func more() async {
            nonisolated(unsafe) var unsafe = iterator
            let more = try? await unsafe.next(isolation: self)
            iterator = unsafe
            if let more { bytes.writeImmutableBuffer(more) } else { isAtEnd = true }
        }

        /// Whether `part` is there, beginning at `start` or later; if not, where to look for it next time.
        func find(_ part: [UInt8], from start: Int) -> (isFound: Bool, next: Int) {
            let view = bytes.readableBytesView
            guard let first = part.first, view.count >= part.count else { return (part.isEmpty, start) }
            var index = view.startIndex + start
            while let candidate = view[index...].firstIndex(of: first), candidate + part.count <= view.endIndex {
                if view[candidate..<(candidate + part.count)].elementsEqual(part) { return (true, start) }
                index = candidate + 1
            }
            return (false, max(0, view.count - part.count + 1))
        }

        func clear() { bytes.clear() }
    }

    /// Connects to `port`, runs `body`, and closes the connection.
    static func connect(to port: Int, _ body: @Sendable (RawConnection) async throws -> Void) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(host: "127.0.0.1", port: port) {
            channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                    wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
            }
        }
        try await channel.executeThenClose { inbound, outbound in
            try await body(RawConnection(channel: channel.channel, outbound: outbound, received: Received(inbound)))
        }
    }

    /// The value of one of a server's metrics that has no labels.
    static func metric(_ name: String, of server: LiveServer) async throws -> Int {
        let value = Locked(0)
        try await connect(to: server.port) { connection in
            try await connection.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            let line = await connection.readToEnd().split(separator: "\n").first { $0.hasPrefix(name + " ") }
            value.withLock { $0 = line.flatMap { Int($0.split(separator: " ")[1].filter(\.isNumber)) } ?? 0 }
        }
        return value.withLock { $0 }
    }

    func send(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

    func send(bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// A request with `body`.
    func post(_ path: String, _ body: String, headers: String = "") async throws {
        try await send("POST \(path) HTTP/1.1\r\nHost: localhost\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Waits until what was received contains `part`, or the connection's end.
    func read(until part: String) async -> String {
        var position = 0
        while true {
            let (isFound, next) = await received.find(Array(part.utf8), from: position)
            if isFound { break }
            if await received.isAtEnd { break }
            position = next
            await received.more()
        }
        return await received.text
    }

    /// Forgets what was received.
    func clear() async { await received.clear() }

    /// Waits for the connection's end.
    func readToEnd() async -> String {
        while await !received.isAtEnd { await received.more() }
        return await received.text
    }

    /// What was received, as bytes.
    var receivedBytes: [UInt8] { get async { await received.all } }

    /// Waits for the connection's end.
    func readBytesToEnd() async -> [UInt8] {
        _ = await readToEnd()
        return await received.all
    }

    func close() async throws { try await channel.close() }
    func closeSendingHalf() async throws { try await channel.close(mode: .output) }
}
