import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTesting
import NIOCore
import NIOEmbedded
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Streams of files") struct FileStreamTests {
    private func sandbox(_ api: TestAPI) async throws -> SandboxID {
        try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox.id
    }

    @Test func `a watch says when it begins, then what changes`() async throws {
        let api = try await TestAPI()
        try await api.serve { server in
            let id = try await sandbox(api)
            let files = try await api.gateway.engine.files(of: id, for: .local)
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "GET /v1/sandboxes/\(id)/files/watch?path=/workspace&recursive=true HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let opening = await connection.read(until: "\n\n")
                #expect(opening.contains("event: watching\ndata: {\"path\":\"/workspace\",\"recursive\":true}\n\n"))
                try await files.write("d/x", ByteBuffer(string: "x"), mode: 0o644)
                let change = "event: change\ndata: {\"type\":\"created\",\"path\":\"/workspace/d/x\"}\n\n"
                #expect(await connection.read(until: change).contains(change))
            }
        }
    }

    @Test func `a watch of what is no directory is refused before it begins`() async throws {
        try await TestAPI().test { client in
            let files = "\(try await client.sandbox())/files"
            _ = try await client.send(.put, "\(files)?path=x", "x")
            #expect(try await client.send(.get, "\(files)/watch?path=x").problem() == "conflict")
            #expect(try await client.send(.get, "\(files)/watch?path=nothing").problem() == "file-not-found")
        }
    }

    @Test func `a place without watches says so`() async throws {
        let capabilities = ProviderCapabilities(maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024))
        try await TestAPI([ScriptedProvider(capabilities: capabilities)]).test { client in
            let place = try await client.sandbox()
            for (method, path) in [
                (HTTPRequest.Method.get, "files/watch?path=/workspace"), (.post, "pause"), (.post, "fork"), (.post, "snapshots"),
                (.get, "usage"),
            ] {
                let response = try await client.send(method, "\(place)/\(path)")
                #expect(response.status == .notImplemented, "\(path)")
                #expect(try response.problem() == "unsupported")
            }
        }
    }

    @Test("bytes that end before their time end the connection", arguments: [10, nil] as [Int64?])
    func cut(length: Int64?) async throws {
        let source: ByteStream
        if length == nil {
            let first = Locked<ByteBuffer?>(ByteBuffer(string: "01234"))
            source = ByteStream { () async throws(ProviderError) in
                guard let bytes = first.withLock({ $0.take() }) else { throw ProviderError(.interrupted, "the sandbox is gone") }
                return bytes
            }
        } else {
            source = ByteStream(ByteBuffer(string: "01234"))
        }
        let writer = RecordingWriter()
        let response = body(of: source, length: length)
        await #expect(throws: (any Error).self) { try await response.body.write(writer) }
        #expect(writer.text == "01234")
        #expect(!writer.isFinished)
    }

    @Test func `bytes beyond what was promised are not sent`() async throws {
        let writer = RecordingWriter()
        try await body(of: ByteStream(ByteBuffer(string: "0123456789")), length: 4).body.write(writer)
        #expect(writer.text == "0123")
        #expect(writer.isFinished)
    }

    private func body(of source: ByteStream, length: Int64?) -> Response {
        let client = ClientPresence(departure: Latch(), channel: EmbeddedChannel(), patience: .seconds(1))
        var body = StreamBody(
            source: source, framing: .bytes(contentType: "x"), client: client, heartbeatInterval: .seconds(1), requestID: "req"
        ) { $1 = $0 }
        body.length = length
        return body.response()
    }
}

/// What a body writes.
private final class RecordingWriter: ResponseBodyWriter, Sendable {
    private let state = Locked((bytes: ByteBuffer(), isFinished: false))

    var text: String { state.withLock { String(buffer: $0.bytes) } }
    var isFinished: Bool { state.withLock { $0.isFinished } }

    func write(_ buffer: ByteBuffer) async throws { state.withLock { _ = $0.bytes.writeImmutableBuffer(buffer) } }
    func finish(_ trailingHeaders: HTTPFields?) async throws { state.withLock { $0.isFinished = true } }
}
