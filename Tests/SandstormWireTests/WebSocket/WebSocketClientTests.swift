import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Opening WebSockets") struct WebSocketClientTests {
    /// Runs `body` with the URL of a server that answers each handshake with what `answer` makes of the request, and then echoes.
    private func serve(
        unix: Bool = false, tls: NIOSSLContext? = nil, answer: @escaping @Sendable (_ head: String, _ key: String) -> String,
        _ body: @Sendable (URL) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        // A channel of NIO's that nobody serves ends the program, and those still queued when a listener closes are served by nobody: so the
        // one who accepts a connection has it served, even if the test is over.
        let serving = Locked<[Task<Void, Never>]>([])
        let bootstrap = ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let connection = try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    let task = Task { _ = try? await WebSocketClientTests.serve(connection, answer) }
                    serving.withLock { $0.append(task) }
                }
            }
        let path = directory.path + "/ws.sock"
        let listener =
            unix
            ? try await bootstrap.bind(unixDomainSocketPath: path).get()
            : try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        let address =
            unix
            ? "ws+unix://\(path.replacing("/", with: "%2F"))"
            : "ws\(tls == nil ? "" : "s")://127.0.0.1:\(listener.localAddress?.port ?? 0)"
        let url = try #require(URL(string: address + "/a%2Fb?q=1"))
        let result: Result<Void, any Error>
        do { result = .success(try await body(url)) } catch { result = .failure(error) }
        try? await listener.close()
        for task in serving.withLock(\.self) {
            task.cancel()
            await task.value
        }
        try result.get()
    }

    private static func serve(
        _ connection: NIOAsyncChannel<ByteBuffer, ByteBuffer>, _ answer: @Sendable (String, String) -> String
    ) async throws {
        let channel = connection.channel
        try await connection.executeThenClose { inbound, outbound in
            var iterator = inbound.makeAsyncIterator()
            var head = ""
            while !head.contains("\r\n\r\n"), let bytes = try await iterator.next() { head += String(buffer: bytes) }
            let key = head.split(separator: "\r\n").first { $0.hasPrefix("Sec-WebSocket-Key: ") }?.dropFirst(19) ?? ""
            try await outbound.write(ByteBuffer(string: answer(head, String(key))))
            // The iterator goes on where the head ended.
            let rest = Rest(iterator)
            _ = await WebSocketConnection(role: .server) { channel.close(promise: nil) }.run(
                reading: rest, writing: { try await outbound.write($0) }
            ) { socket in
                while let message = await socket.receive() { guard await socket.send(message) else { break } }
                return WebSocketClose(.normal)
            }
        }
    }

    /// What an iterator has left. One reader, which takes the place of the first.
    private struct Rest: AsyncSequence, @unchecked Sendable {
        typealias Element = ByteBuffer
        // Handed from one task to the next, never shared.
        private let iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator

        init(_ iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) { self.iterator = iterator }

        func makeAsyncIterator() -> NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator { iterator }
    }

    private static let agree: @Sendable (String, String) -> String = { _, key in
        "HTTP/1.1 101 Go\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: \(WebSocketHandshake.accept(key))\r\n\r\n"
    }

    private func roundTrip(_ client: WebSocketClient, _ url: URL) async throws {
        let received = Locked<WebSocketMessage?>(nil)
        let message = WebSocketMessage.binary(ByteBuffer(repeating: 9, count: 300_000))
        let end = try await client.withConnection(to: url, headers: ["X-Mine": "1"]) { socket, _ in
            _ = await socket.send(message)
            let answer = await socket.receive()
            received.withLock { $0 = answer }
            return WebSocketClose(.normal)
        }
        #expect(received.withLock { $0 } == message)
        #expect(end.code == .normal)
    }

    @Test("over TCP and over a unix socket", arguments: [false, true])
    func plain(unix: Bool) async throws {
        try await serve(
            unix: unix,
            answer: { head, key in
                #expect(head.hasPrefix("GET /a%2Fb?q=1 HTTP/1.1\r\n"))
                #expect(head.contains("\r\nX-Mine: 1\r\n"))
                #expect(head.contains("\r\nHost: \(unix ? "localhost" : "127.0.0.1:")"))
                return WebSocketClientTests.agree(head, key)
            }
        ) { url in try await roundTrip(WebSocketClient(), url) }
    }

    @Test func `over TLS, to a server whose certificate is trusted and to no other`() async throws {
        let directory = try TemporaryDirectory()
        let (key, certificate) = (directory.path + "/key.pem", directory.path + "/certificate.pem")
        let child = try ChildProgram(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=test",
                "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
            ], environment: ["PATH": "/usr/bin:/bin", "HOME": directory.path])
        try #require(await child.wait() == 0)
        let certificates = try NIOSSLCertificate.fromPEMFile(certificate)
        let configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        try await serve(tls: try NIOSSLContext(configuration: configuration), answer: WebSocketClientTests.agree) { url in
            var client = WebSocketClient()
            client.timeout = .seconds(10)
            await #expect(throws: WebSocketClient.Failure.self) { try await roundTrip(client, url) }
            client.tls = .makeClientConfiguration()
            client.tls?.trustRoots = .certificates(certificates)
            try await roundTrip(client, url)
        }
    }

    @Test(
        "answers that are no handshake",
        arguments: [
            ("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: wrong\r\n\r\n", "handshake"),
            ("HTTP/1.1 101 Go\r\n\r\n", "handshake"), ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", "refused"),
            ("HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n", "refused"), ("SSH-2.0\r\n\r\n", "connection"),
            ("HTTP/1.1 101", "connection"),
        ])
    func refused(answer: String, kind: String) async throws {
        try await serve(answer: { _, _ in answer }) { url in
            var client = WebSocketClient()
            // Only an answer that breaks off takes the whole of it.
            client.timeout = kind == "connection" ? .milliseconds(1500) : .seconds(30)
            do throws(WebSocketClient.Failure) {
                _ = try await client.withConnection(to: url) { _, _ in WebSocketClose(.normal) }
                Issue.record("a socket was opened")
            } catch {
                switch error {
                case .handshake: #expect(kind == "handshake")
                case .connection: #expect(kind == "connection")
                case .refused(_, let body):
                    #expect(kind == "refused")
                    #expect(String(buffer: body) == "no")
                case .invalidURL: Issue.record("the URL is fine")
                }
            }
        }
    }

    @Test func `a server that is not there, and a URL of another kind`() async throws {
        for text in ["ws://127.0.0.1:1/", "ws+unix://%2Ftmp%2Fsandstorm-no-such.sock/", "ftp://127.0.0.1/", "ws:/x"] {
            let url = try #require(URL(string: text))
            await #expect(throws: WebSocketClient.Failure.self) {
                try await WebSocketClient().withConnection(to: url) { _, _ in WebSocketClose(.normal) }
            }
        }
    }
}
