import AsyncHTTPClient
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOHTTP1
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Uploads") struct UploadTests {
    /// Pieces that differ from each other.
    private static func pieces(_ count: Int) -> [ByteBuffer] {
        (0..<count).map { ByteBuffer(repeating: UInt8($0), count: 1024 * 1024) }
    }

    private func sandbox(_ api: TestAPI) async throws -> SandboxID {
        try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox.id
    }

    @Test("a file longer than any JSON may be arrives whole", arguments: [true, false])
    func large(knowsLength: Bool) async throws {
        let api = try await TestAPI()
        try await api.serve { server in
            let id = try await sandbox(api)
            let pieces = UploadTests.pieces(34)
            try await HTTPClient.withHTTPClient { client in
                var put = HTTPClientRequest(url: "\(server.url)/v1/sandboxes/\(id)/files?path=large")
                put.method = .PUT
                put.body = .stream(AsyncStream(pieces), length: knowsLength ? .known(Int64(34 * 1024 * 1024)) : .unknown)
                #expect(try await client.execute(put, timeout: .seconds(60)).status == .created)
                let response = try await client.execute(
                    HTTPClientRequest(url: "\(server.url)/v1/sandboxes/\(id)/files?path=large"), timeout: .seconds(60))
                var content = try await response.body.collect(upTo: 64 * 1024 * 1024)
                for piece in pieces { #expect(content.readSlice(length: piece.readableBytes) == piece) }
                #expect(content.readableBytes == 0)
            }
        }
    }

    @Test(
        "a client that hangs up midway leaves nothing, not even of the file before",
        arguments: ["Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n99\r\n"])
    func hangUp(head: String) async throws {
        let provider = ScriptedProvider()
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let id = try await sandbox(api)
            let files = try await api.gateway.engine.files(of: id, for: .local)
            try await files.write("kept", ByteBuffer(string: "before"), mode: 0o644)
            for path in ["new", "kept"] {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send("PUT /v1/sandboxes/\(id)/files?path=\(path) HTTP/1.1\r\nHost: localhost\r\n\(head)half")
                    try await Task.sleep(for: .milliseconds(50))
                    try await connection.close()
                }
            }
            // The gateway hears of it after the client has gone.
            #expect(try await eventually { try await files.list("/workspace", depth: 1).map(\.name) == ["kept"] })
            #expect(String(buffer: try await files.read("kept", upTo: 100)) == "before")
        }
    }

    @Test func `one that is refused before its end is told why`() async throws {
        let provider = ScriptedProvider()
        let api = try await TestAPI([provider])
        try await api.serve { server in
            let id = try await sandbox(api)
            provider.behave { $0.failures[.files] = [ProviderError(.invalid, "no space", fileProblem: .noSpace)] }
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "PUT /v1/sandboxes/\(id)/files?path=x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nhalf")
                let answer = await connection.read(until: "retryable")
                #expect(answer.hasPrefix("HTTP/1.1 507 "))
                #expect(answer.contains("urn:sandstorm:problem:disk-full"))
            }
        }
    }

    @Test func `leave to send is given whatever the length`() async throws {
        let api = try await TestAPI()
        try await api.serve { server in
            let id = try await sandbox(api)
            try await RawConnection.connect(to: server.port) { connection in
                let head = "Host: localhost\r\nExpect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"
                try await connection.send("PUT /v1/sandboxes/\(id)/files?path=x HTTP/1.1\r\n\(head)")
                #expect(await connection.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 100 Continue\r\n"))
            }
        }
    }

    @Test func `a connection goes on after an upload`() async throws {
        let api = try await TestAPI()
        try await api.serve { server in
            let id = try await sandbox(api)
            try await RawConnection.connect(to: server.port) { connection in
                for index in 0..<3 {
                    try await connection.send(
                        "PUT /v1/sandboxes/\(id)/files?path=\(index) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi")
                    #expect(await connection.read(until: "modifiedAt").hasPrefix("HTTP/1.1 201 "))
                    try await connection.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    #expect(await connection.read(until: "\"ok\"}").contains("\"ok\"}"))
                    await connection.clear()
                }
            }
        }
    }

    @Test func `an encoded body is refused, since nobody would decode it`() async throws {
        try await TestAPI().test { client in
            let place = try await client.sandbox()
            let response = try await client.send(.put, "\(place)/files?path=x", "x", headers: [.contentEncoding: "gzip"])
            #expect(try response.problem() == "unsupported-encoding")
        }
    }
}

extension AsyncStream {
    /// The elements of an array.
    fileprivate init(_ elements: [Element]) where Element: Sendable {
        self.init { continuation in
            for element in elements { continuation.yield(element) }
            continuation.finish()
        }
    }
}
