import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import SandstormWire
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Processes on WebSockets") struct ProcessSocketTests {
    /// What came over a socket, as far as it was looked at.
    private struct Received: Sendable {
        var messages: [JSONValue] = []
        var stdout = ""
        var stderr = ""

        /// The first message of a type.
        subscript(type: String) -> JSONValue? { messages.first { $0["type"]?.stringValue == type } }

        mutating func take(_ message: WebSocketMessage) {
            switch message {
            case .text(let text): messages.append((try? JSONValue(parsing: text.utf8)) ?? .null)
            case .binary(let bytes):
                let text = String(decoding: bytes.readableBytesView.dropFirst(), as: UTF8.self)
                if bytes.readableBytesView.first == 1 { stdout += text } else { stderr += text }
            }
        }
    }

    /// A gateway with one sandbox whose processes play `script`.
    private func gateway(
        _ script: [ScriptedProvider.Step], reconnectTime: Duration = .milliseconds(50),
        _ body: @escaping @Sendable (LiveServer, TestAPI, ScriptedProvider, SandboxID) async throws -> Void
    ) async throws {
        let provider = ScriptedProvider(script: script)
        var configuration = TestGateway.quick
        configuration.reconnectTime = reconnectTime
        let api = try await TestAPI([provider], engine: configuration)
        try await api.serve { server in
            let sandbox = try await api.gateway.engine.createSandbox(SandboxRequest(), by: .local).sandbox
            try await body(server, api, provider, sandbox.id)
        }
    }

    /// Opens the socket at `path` and runs `body`, which ends it by returning.
    private func open(
        _ server: LiveServer, _ path: String, _ body: @escaping @Sendable (WebSocketConnection) async -> Received
    ) async throws -> (Received, WebSocketClose) {
        let received = Locked(Received())
        let end = try await WebSocketClient().withConnection(to: try server.socketURL(path), protocols: ["sandstorm.process.v1"]) {
            socket, subprotocol in
            #expect(subprotocol == "sandstorm.process.v1")
            let all = await body(socket)
            received.withLock { $0 = all }
            return WebSocketClose(.normal)
        }
        return (received.withLock { $0 }, end)
    }

    /// Takes messages until `condition` holds or the socket ends.
    private static func take(
        _ socket: WebSocketConnection, _ received: inout Received, until condition: (Received) -> Bool = { _ in false }
    ) async {
        while !condition(received), let message = await socket.receive() { received.take(message) }
    }

    private static let request = #"{"command":["program"]}"#

    @Test func `a process is started, printed, and ended`() async throws {
        try await gateway([.output("out"), .errorOutput("err"), .exit(3)]) { server, _, _, sandbox in
            let (received, end) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                _ = await socket.send(.text(ProcessSocketTests.request))
                var received = Received()
                await ProcessSocketTests.take(socket, &received)
                return received
            }
            #expect(received.messages.map { $0["type"]?.stringValue } == ["started", "exited"])
            #expect(received["started"]?["id"] == .integer(1))
            #expect(received["started"]?["process"]?["command"]?.arrayValue?.first?.stringValue == "program")
            #expect(received["exited"]?["exitCode"] == .integer(3))
            #expect(received.stdout == "out")
            #expect(received.stderr == "err")
            #expect(end == WebSocketClose(.normal))
        }
    }

    @Test func `input goes in as it is said, and ends when the client says so`() async throws {
        try await gateway([.cat, .exit(0)]) { server, _, _, sandbox in
            let (received, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                var received = Received()
                _ = await socket.send(.text(ProcessSocketTests.request))
                for number in 0..<10 {
                    _ = await socket.send(.binary(ByteBuffer(string: "\(number)")))
                    await ProcessSocketTests.take(socket, &received) { $0.stdout.hasSuffix("\(number)") }
                }
                _ = await socket.send(.text(#"{"type":"closeStdin"}"#))
                await ProcessSocketTests.take(socket, &received)
                return received
            }
            #expect(received.stdout == "0123456789")
            #expect(received["exited"]?["exitCode"] == .integer(0))
        }
    }

    @Test func `signals and sizes reach the process`() async throws {
        try await gateway([.reportSize, .exit(0)]) { server, _, provider, sandbox in
            let (received, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                var received = Received()
                _ = await socket.send(.text(#"{"command":["sh"],"terminal":{"columns":80,"rows":24}}"#))
                await ProcessSocketTests.take(socket, &received) { $0.stdout.contains("24x80") }
                _ = await socket.send(.text(#"{"type":"resize","columns":132,"rows":50}"#))
                await ProcessSocketTests.take(socket, &received) { $0.stdout.contains("50x132") }
                _ = await socket.send(.text(#"{"type":"signal","signal":"INT","target":"process"}"#))
                await ProcessSocketTests.take(socket, &received)
                return received
            }
            #expect(received.stdout == "24x80\n50x132\n")
            #expect(received["exited"]?["signal"] == "INT")
            #expect(provider.signals == [.interrupt])
        }
    }

    @Test func `messages that make no sense are told so, and change nothing`() async throws {
        try await gateway([.cat, .exit(0)]) { server, _, _, sandbox in
            let nonsense = [
                "", "x", "[]", "{}", #"{"type":"dance"}"#, #"{"type":"signal"}"#, #"{"type":"signal","signal":"NONE"}"#,
                #"{"type":"signal","signal":"INT","target":"all"}"#, #"{"type":"resize","columns":0,"rows":1}"#, #"{"type":"resize"}"#,
                #"{"type":"closeStdin","now":true}"#, #"{"type":"resize","columns":1,"rows":1}"#,
            ]
            let (received, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                var received = Received()
                _ = await socket.send(.text(ProcessSocketTests.request))
                // At once, before the process can have been started: all the same, that is what is told first.
                for text in nonsense { _ = await socket.send(.text(text)) }
                await ProcessSocketTests.take(socket, &received) { $0.messages.count == nonsense.count + 1 }
                _ = await socket.send(.binary(ByteBuffer(string: "still here")))
                await ProcessSocketTests.take(socket, &received) { !$0.stdout.isEmpty }
                return received
            }
            #expect(received.stdout == "still here")
            #expect(received.messages.first?["type"] == "started")
            let problems = received.messages.dropFirst()
            #expect(problems.count == nonsense.count)
            for problem in problems { #expect(problem["problem"]?["status"]?.intValue ?? 0 >= 400, "\(problem.encodedBytes)") }
        }
    }

    @Test(
        "a first message that starts nothing is told why, and the socket ends",
        arguments: ["", "{}", #"{"command":[]}"#, #"{"command":["missing"]}"#, "\u{0}"])
    func notStarted(text: String) async throws {
        try await gateway([]) { server, _, provider, sandbox in
            provider.behave { $0.missingPrograms = ["missing"] }
            let (received, end) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                var received = Received()
                _ = await socket.send(text == "\u{0}" ? .binary(ByteBuffer(string: text)) : .text(text))
                await ProcessSocketTests.take(socket, &received)
                return received
            }
            #expect(received["problem"]?["problem"]?["detail"]?.stringValue?.isEmpty == false)
            #expect(end.code == .policyViolation)
        }
    }

    @Test func `a process outlives a lost socket for a while, and another socket goes on where it was`() async throws {
        try await gateway([.output("a"), .cat, .exit(0)], reconnectTime: .seconds(30)) { server, _, provider, sandbox in
            let (first, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                var received = Received()
                _ = await socket.send(.text(ProcessSocketTests.request))
                await ProcessSocketTests.take(socket, &received) { $0.stdout == "a" }
                return received
            }
            let id = try #require(first["started"]?["process"]?["id"]?.stringValue)
            for (position, text) in [(0, "a"), (1, "a"), (2, "")] {
                let (again, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/\(id)/socket?after=\(position)") { socket in
                    var received = Received()
                    _ = await socket.send(.binary(ByteBuffer(string: ".")))
                    await ProcessSocketTests.take(socket, &received) { $0.stdout.hasSuffix(".") }
                    return received
                }
                #expect(again.stdout.hasPrefix(text))
                #expect((again["started"] != nil) == (position == 0))
            }
            #expect(provider.signals.isEmpty)
        }
    }

    @Test func `a process that nobody follows is killed, unless it is detached`() async throws {
        try await gateway([.sleep(.seconds(3600)), .exit(0)]) { server, api, provider, sandbox in
            for request in [ProcessSocketTests.request, #"{"command":["program"],"detached":true}"#] {
                let (received, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                    var received = Received()
                    _ = await socket.send(.text(request))
                    await ProcessSocketTests.take(socket, &received) { $0["started"] != nil }
                    return received
                }
                #expect(received["started"] != nil)
            }
            let engine = api.gateway.engine
            let isSettled = try await eventually {
                try await engine.processes(in: sandbox, for: .local).count { $0.exit == nil && $0.failure == nil } == 1
            }
            #expect(isSettled)
            #expect(provider.signals.count == 1)
        }
    }

    @Test func `who may not follow a process hears it from HTTP`() async throws {
        try await gateway([.exit(0)]) { server, api, _, sandbox in
            let absent = SandboxID.generate()
            let process = ProcessID.generate()
            for (path, status) in [
                ("/v1/sandboxes/\(absent)/processes/socket", 404), ("/v1/sandboxes/x/processes/socket", 404),
                ("/v1/sandboxes/\(sandbox)/processes/\(process)/socket", 404), ("/v1/sandboxes/\(sandbox)/processes/x/socket", 404),
                ("/v1/sandboxes/\(sandbox)/processes/socket?after=1", 400),
                ("/v1/sandboxes/\(sandbox)/processes/\(process)/socket?after=x", 400),
            ] { try await ProcessSocketTests.expect(status, server, path) }
            _ = try await api.gateway.engine.kill(sandbox, for: .local)
            try await ProcessSocketTests.expect(410, server, "/v1/sandboxes/\(sandbox)/processes/socket")
            let evil: HTTPHeaders = ["Origin": "http://evil.example"]
            try await ProcessSocketTests.expect(403, server, "/v1/sandboxes/\(sandbox)/processes/socket", headers: evil)
        }
        let (api, _, secret) = try await TestAPI.withKeys()
        try await api.serve { server in
            let path = "/v1/sandboxes/\(SandboxID.generate())/processes/socket"
            try await ProcessSocketTests.expect(401, server, path)
            try await ProcessSocketTests.expect(401, server, path, headers: ["Authorization": "Bearer sandstorm_wrong"])
            try await ProcessSocketTests.expect(404, server, path, headers: ["Authorization": "Bearer \(secret)"])
        }
    }

    private static func expect(
        _ status: Int, _ server: LiveServer, _ path: String, headers: HTTPHeaders = [:], sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let url = try server.socketURL(path)
        do throws(WebSocketClient.Failure) {
            _ = try await WebSocketClient().withConnection(to: url, headers: headers) { _, _ in
                WebSocketClose(.normal)
            }
            Issue.record("a socket was opened", sourceLocation: sourceLocation)
        } catch {
            guard case .refused(let head, let body) = error else {
                Issue.record("\(error)", sourceLocation: sourceLocation)
                return
            }
            #expect(Int(head.status.code) == status, sourceLocation: sourceLocation)
            #expect(head.headers.first(name: "Content-Type") == "application/problem+json", sourceLocation: sourceLocation)
            #expect(head.headers.first(name: "Connection") == "close", sourceLocation: sourceLocation)
            #expect(String(buffer: body).contains("urn:sandstorm:problem:"), sourceLocation: sourceLocation)
        }
    }

    @Test func `a client that does not read stalls its own process only`() async throws {
        let part = [UInt8](repeating: 0x61, count: 1 << 16)
        let endless = [ScriptedProvider.Step](repeating: .bytes(part), count: 1 << 14)
        try await gateway(endless + [.exit(0)], reconnectTime: .seconds(30)) { server, _, provider, sandbox in
            provider.behave { $0.scripts["other"] = [.output("other"), .exit(0)] }
            var start = ByteBuffer(
                string:
                    "GET /v1/sandboxes/\(sandbox)/processes/socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            WebSocketFrameEncoder(role: .client).encode(.text(ProcessSocketTests.request), into: &start)
            try await StalledConnection.connect(to: server.port, sending: start) {
                #expect(await Stall.comesToRest { provider.stepsPlayed })
                // One GiB is to come; what is under way of it is bounded: the operating system's buffers, and the gateway's own.
                #expect(provider.stepsPlayed * part.count < 12 << 20)
                let (other, _) = try await open(server, "/v1/sandboxes/\(sandbox)/processes/socket") { socket in
                    var received = Received()
                    _ = await socket.send(.text(#"{"command":["other"]}"#))
                    await ProcessSocketTests.take(socket, &received)
                    return received
                }
                #expect(other.stdout == "other")
            }
        }
    }
}
