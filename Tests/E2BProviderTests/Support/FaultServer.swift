import NIOCore
import NIOPosix
import SandstormCore
import SandstormTestSupport
import SandstormWire

/// A server that says on each connection exactly what the test says, byte by byte where it matters.
struct FaultServer: Sendable {
    private let ports: Locked<Int>
    /// All requests, in the order in which they were complete.
    let seen: Locked<[FaultRequest]>
    /// Connections that are open.
    let open: Locked<Int>

    var port: Int { ports.withLock(\.self) }
    var url: String { "http://127.0.0.1:\(port)" }

    /// Runs `body` while requests are answered as `answer` says.
    static func run(
        _ answer: @escaping @Sendable (FaultRequest) async throws -> [FaultStep], _ body: @Sendable (FaultServer) async throws -> Void
    ) async throws {
        let server = FaultServer(ports: Locked(0), seen: Locked([]), open: Locked(0))
        let connections = Locked<[Task<Void, Never>]>([])
        let listener = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.backlog, value: 512)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                    // Each that is accepted is served, also while the server ends: one that is dropped unserved stops the process.
                    let task = Task {
                        server.open.withLock { $0 += 1 }
                        try? await connection.executeThenClose { try await server.serve($0, $1, answer) }
                        server.open.withLock { $0 -= 1 }
                    }
                    connections.withLock { $0.append(task) }
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        server.ports.withLock { $0 = listener.localAddress?.port ?? 0 }
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await body(server)) } catch { outcome = .failure(error) }
        try? await listener.close()
        while let task = connections.withLock({ $0.popLast() }) {
            task.cancel()
            await task.value
        }
        try outcome.get()
    }

    private func serve(
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>, _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ answer: @Sendable (FaultRequest) async throws -> [FaultStep]
    ) async throws {
        var bytes = inbound.makeAsyncIterator()
        var buffer = ByteBuffer()
        while true {
            var request = FaultRequest.read(&buffer)
            while request == nil {
                guard var more = try await bytes.next() else { return }
                buffer.writeBuffer(&more)
                // One that is to be answered before its body has come.
                if let early = FaultRequest.head(buffer), early.isAnsweredEarly {
                    for step in try await answer(early) { if try await !step.carryOut(outbound) { return } }
                }
                request = FaultRequest.read(&buffer)
            }
            guard let request else { return }
            seen.withLock { $0.append(request) }
            for step in try await answer(request) { if try await !step.carryOut(outbound) { return } }
        }
    }

    /// The requests for this method and path, without its query.
    func requests(_ method: String, _ path: String) -> [FaultRequest] {
        seen.withLock { $0.filter { $0.method == method && $0.path.prefix { $0 != "?" } == path } }
    }
}

/// A request as it came.
struct FaultRequest: Sendable {
    var method: String
    var path: String
    var headers: [String: String]
    var body: ByteBuffer

    var json: JSONValue? { try? JSONValue(parsing: body.readableBytesView) }

    /// The message in the body's one frame.
    var message: JSONValue? {
        var decoder = ConnectFrameDecoder()
        decoder.append(body)
        return try? (try? decoder.next())??.message()
    }

    /// What a started command says before anything else, if it is started by the launcher; nil for the adapter's own lines.
    var mark: String? {
        let arguments = message?["process"]?["args"]?.arrayValue ?? []
        guard arguments.count > 3, arguments[1].stringValue?.contains("__sandstorm_mark") == true else { return nil }
        return arguments[3].stringValue
    }

    /// The adapter's own lines, with their arguments.
    var lines: [String] { mark == nil ? message?["process"]?["args"]?.arrayValue?.compactMap(\.stringValue) ?? [] : [] }

    /// The test asks for it with the path.
    var isAnsweredEarly: Bool { path.contains("early") }

    static func head(_ buffer: ByteBuffer) -> FaultRequest? {
        var copy = buffer
        return parseHead(&copy)
    }

    private static func parseHead(_ buffer: inout ByteBuffer) -> FaultRequest? {
        guard let end = buffer.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let length = end.lowerBound - buffer.readerIndex
        let lines = (buffer.readString(length: length) ?? "").split(separator: "\r\n").map(String.init)
        buffer.moveReaderIndex(forwardBy: 4)
        let words = (lines.first ?? "").split(separator: " ").map(String.init)
        guard words.count == 3 else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            headers[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop { $0 == " " }) : ""
        }
        return FaultRequest(method: words[0], path: words[1], headers: headers, body: ByteBuffer())
    }

    /// Takes a whole request from the buffer.
    static func read(_ buffer: inout ByteBuffer) -> FaultRequest? {
        var rest = buffer
        guard var request = parseHead(&rest) else { return nil }
        if request.headers["transfer-encoding"] == "chunked" {
            while true {
                guard let end = rest.readableBytesView.firstRange(of: Array("\r\n".utf8)),
                    let size = rest.readString(length: end.lowerBound - rest.readerIndex).flatMap({ Int($0, radix: 16) }),
                    rest.readableBytes >= size + 4
                else { return nil }
                rest.moveReaderIndex(forwardBy: 2)
                if var chunk = rest.readSlice(length: size) { request.body.writeBuffer(&chunk) }
                rest.moveReaderIndex(forwardBy: 2)
                if size == 0 { break }
            }
        } else {
            guard let body = rest.readSlice(length: Int(request.headers["content-length"] ?? "0") ?? 0) else { return nil }
            request.body = body
        }
        buffer = rest
        return request
    }
}

/// One thing that the server does.
enum FaultStep: Sendable {
    case bytes(ByteBuffer)
    /// Each byte by itself.
    case drip(ByteBuffer)
    case pause(Duration)
    case wait(Latch)
    /// Ends the connection.
    case close
    /// Ends its own half, and reads on.
    case halfClose
    /// Does nothing more until the client goes.
    case hang

    static func text(_ text: String) -> FaultStep { .bytes(ByteBuffer(string: text)) }

    /// - Returns: whether the connection goes on.
    func carryOut(_ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Bool {
        switch self {
        case .bytes(let bytes): if bytes.readableBytes > 0 { try await outbound.write(bytes) }
        case .drip(var bytes):
            while let byte = bytes.readSlice(length: 1) {
                try await outbound.write(byte)
                await Task.yield()
            }
        case .pause(let time): try await Task.sleep(for: time)
        case .wait(let latch): _ = await latch.wait()
        case .close: return false
        case .halfClose: outbound.finish()
        case .hang: try await Task.sleep(for: .seconds(600))
        }
        return true
    }

    // MARK: Answers

    static func answer(_ status: Int, _ body: String, type: String = "application/json", headers: [String: String] = [:]) -> [FaultStep] {
        let extra = headers.map { "\($0.key): \($0.value)\r\n" }.joined()
        return [
            .text("HTTP/1.1 \(status) x\r\ncontent-type: \(type)\r\ncontent-length: \(body.utf8.count)\r\n\(extra)\r\n\(body)")
        ]
    }

    static func nothing(_ status: Int = 204) -> [FaultStep] {
        [.text("HTTP/1.1 \(status) x\r\n\(status == 204 ? "" : "content-length: 0\r\n")\r\n")]
    }

    /// The head of a stream that ends with its connection.
    static func streamHead(_ type: String = "application/connect+json") -> FaultStep {
        .text("HTTP/1.1 200 OK\r\ncontent-type: \(type)\r\ntransfer-encoding: chunked\r\n\r\n")
    }

    static func chunk(_ bytes: ByteBuffer) -> ByteBuffer {
        var chunk = ByteBuffer(string: String(bytes.readableBytes, radix: 16) + "\r\n")
        chunk.writeImmutableBuffer(bytes)
        chunk.writeString("\r\n")
        return chunk
    }

    static let lastChunk = FaultStep.text("0\r\n\r\n")

    /// A whole stream of frames, each in a chunk of its own.
    static func stream(_ frames: [ByteBuffer]) -> [FaultStep] { [streamHead()] + frames.map { .bytes(chunk($0)) } + [lastChunk] }
}

/// Frames as envd writes them.
enum Frames {
    static func start(_ pid: Int = 42) -> ByteBuffer { ConnectFrame(["event": ["start": ["pid": .integer(pid)]]]).encoded }
    static func stdout(_ text: String) -> ByteBuffer {
        ConnectFrame(["event": ["data": ["stdout": ProtobufJSON.base64(Array(text.utf8))]]]).encoded
    }
    static func stderr(_ text: String) -> ByteBuffer {
        ConnectFrame(["event": ["data": ["stderr": ProtobufJSON.base64(Array(text.utf8))]]]).encoded
    }
    static let keepalive = ConnectFrame(["event": ["keepalive": [:]]]).encoded
    static func exit(_ code: Int) -> ByteBuffer {
        var end: JSONObject = ["exited": true, "status": .string("exit status \(code)")]
        // As the vendor has it: a default is left out.
        if code != 0 { end["exitCode"] = .integer(code) }
        return ConnectFrame(["event": ["end": .object(end)]]).encoded
    }
    static func killed(_ name: String) -> ByteBuffer {
        ConnectFrame(["event": ["end": ["exitCode": -1, "status": .string("signal: \(name)"), "error": .string("signal: \(name)")]]])
            .encoded
    }
    static let end = ConnectFrame(ConnectEndOfStream()).encoded
    static func failure(_ code: ConnectCode, _ message: String = "no") -> ByteBuffer {
        ConnectFrame(ConnectEndOfStream(error: ConnectError(code, message))).encoded
    }
    static func joined(_ frames: [ByteBuffer]) -> ByteBuffer { frames.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) } }
}
