import Foundation
import Testing

@testable import Sandstorm

@Suite("The SDK's way to a gateway") struct GatewayClientTests {
    /// Four calls at most, with hardly a pause.
    private static let quick = RetryPolicy(attempts: 4, base: .milliseconds(1), longest: .milliseconds(5), patience: .seconds(5))

    private func sandstorm(_ server: ScriptedServer, key: String? = nil) -> Sandstorm {
        Sandstorm(backend: GatewayClient(address: server.url, key: key.map(APIKey.init), policy: Self.quick))
    }

    private let request = RunRequest(spec: SandboxSpec(code: "echo hello", language: .shell))

    /// The events of a run that prints two lines.
    private let events: [RunEvent] = {
        let id = RunID.generate()
        var result = RunResult(id: id, state: .finished, createdAt: Date())
        result.isSettled = true
        result.exitCode = 0
        let bodies: [RunEvent.Body] = [
            .accepted(id), .started(provider: "local", sandbox: .generate(), attempt: 1), .stdout(Array("one\n".utf8)),
            .stdout(Array("two\n".utf8)), .exited(ExitStatus(.code(0))), .settled(result),
        ]
        return bodies.enumerated().map { RunEvent(sequence: $0 + 1, time: Date(), body: $1) }
    }()

    private func collect(_ stream: RunStream) async throws -> [Int] {
        var sequences: [Int] = []
        for try await event in stream { sequences.append(event.sequence) }
        return sequences
    }

    @Test func `a cut stream goes on where it stopped`() async throws {
        let events = events
        let server = try ScriptedServer { index, _ in
            switch index {
            case 0: ScriptedServer.stream(Array(events[..<3]), isComplete: false)
            case 1: ScriptedServer.stream([], isComplete: false)
            // The gateway repeats an event that it is not sure to have delivered.
            default: ScriptedServer.stream(Array(events[2...]), isComplete: true)
            }
        }
        #expect(try await collect(sandstorm(server).stream(request)) == [1, 2, 3, 4, 5, 6])
        #expect(server.requests[0].hasPrefix("POST /v1/runs HTTP/1.1"))
        #expect(server.requests[1].hasPrefix("GET /v1/runs/\(RunID.generate().rawValue.prefix(4))"))
        #expect(server.requests[1].lowercased().contains("last-event-id: 3\r\n"))
    }

    @Test func `the end is heard of even if a crash took events from the gateway that were seen here`() async throws {
        let events = events
        var last = events[5]
        last.sequence = 3
        let end = last
        let server = try ScriptedServer { index, _ in
            ScriptedServer.stream(index == 0 ? Array(events[..<5]) : [end], isComplete: index > 0)
        }
        #expect(try await collect(sandstorm(server).stream(request)) == [1, 2, 3, 4, 5, 3])
        #expect(server.requests[1].lowercased().contains("last-event-id: 5\r\n"))
    }

    @Test func `a stream cut for good is an error`() async throws {
        let events = events
        let server = try ScriptedServer { index, request in
            request.hasPrefix("DELETE")
                ? ScriptedServer.answer("200 OK", "{}")
                : ScriptedServer.stream(index == 0 ? Array(events[..<4]) : [], isComplete: false)
        }
        let error = await #expect(throws: SandstormError.self) { try await collect(sandstorm(server).stream(request)) }
        #expect(error?.kind == .interrupted)
        #expect(error?.isRetryable == true)
        #expect(server.requests.filter { $0.hasPrefix("GET") }.count == 3)
    }

    @Test func `a stream that ends early in good order is an error`() async throws {
        let events = events
        let server = try ScriptedServer { _, request in
            request.hasPrefix("DELETE")
                ? ScriptedServer.answer("200 OK", "{}")
                : ScriptedServer.stream(request.hasPrefix("POST") ? Array(events[..<5]) : [], isComplete: true)
        }
        let error = await #expect(throws: SandstormError.self) { try await collect(sandstorm(server).stream(request)) }
        #expect(error?.kind == .interrupted)
    }

    @Test func `a repeated start carries the same idempotency key`() async throws {
        let events = events
        let server = try ScriptedServer { index, _ in
            switch index {
            case 0: "HTTP/1.1 200 OK\r\n"
            case 1: ScriptedServer.answer("503 Service Unavailable", #"{"type":"urn:sandstorm:problem:not-ready","retryable":true}"#)
            default: ScriptedServer.stream(events, isComplete: true)
            }
        }
        #expect(try await collect(sandstorm(server).stream(request)).count == 6)
        let keys = server.requests.map { request in
            request.split(separator: "\r\n").first { $0.lowercased().hasPrefix("idempotency-key:") }
        }
        #expect(keys.count == 3)
        #expect(keys[0] != nil)
        #expect(Set(keys).count == 1)
    }

    @Test func `a caller's own idempotency key is used`() async throws {
        let events = events
        let server = try ScriptedServer { _, _ in ScriptedServer.stream(events, isComplete: true) }
        var request = request
        request.idempotencyKey = "mine"
        _ = try await collect(sandstorm(server, key: "sandstorm_secret").stream(request))
        #expect(server.requests[0].lowercased().contains("idempotency-key: mine\r\n"))
        #expect(server.requests[0].lowercased().contains("authorization: bearer sandstorm_secret\r\n"))
    }

    @Test func `a problem document is told whole`() async throws {
        let body = """
            {"type":"urn:sandstorm:problem:invalid-request","title":"The request can't be right","status":422,"detail":"one problem",\
            "requestId":"req_1","retryable":false,"errors":[{"pointer":"/spec/cpu","detail":"is odd","remedy":"make it even"}]}
            """
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("422 Unprocessable Content", type: "application/problem+json", body)
        }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).decide(request) }
        #expect(error?.kind == .invalidRequest)
        #expect(error?.message == "one problem")
        #expect(error?.problems == [FieldProblem(pointer: "/spec/cpu", detail: "is odd", remedy: "make it even")])
        #expect(error?.status == 422)
        #expect(error?.requestID == "req_1")
        #expect(server.requests.count == 1)
    }

    @Test func `a problem in the middle of a stream is thrown`() async throws {
        let events = events
        let server = try ScriptedServer { _, request in
            guard request.hasPrefix("POST") else { return ScriptedServer.answer("200 OK", "{}") }
            let body = "event: problem\ndata: {\"type\":\"urn:sandstorm:problem:internal\",\"status\":500,\"detail\":\"broke\"}\n\n"
            return ScriptedServer.stream(Array(events[..<2]), isComplete: false)
                + "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        }
        let error = await #expect(throws: SandstormError.self) { try await collect(sandstorm(server).stream(request)) }
        #expect(error?.kind == .internal)
        #expect(error?.message == "broke")
    }

    @Test(
        "what is no gateway",
        arguments: [
            (ScriptedServer.answer("200 OK", type: "text/html", "<html>"), SandstormError.Kind.badAnswer),
            (ScriptedServer.answer("200 OK", "[]"), .badAnswer),
            (ScriptedServer.answer("404 Not Found", type: "text/html", "<html>"), .badAnswer),
            (ScriptedServer.answer("301 Moved", "", headers: "Location: https://example.com\r\n"), .badAnswer),
            (ScriptedServer.answer("401 Unauthorized", "{}"), .unauthenticated),
            (ScriptedServer.answer("403 Forbidden", "{}"), .forbidden),
            (ScriptedServer.answer("500 Internal Server Error", "oops"), .internal),
            (ScriptedServer.answer("502 Bad Gateway", "oops"), .unavailable),
            (ScriptedServer.answer("429 Too Many Requests", "oops"), .tooBusy),
            ("SSH-2.0-OpenSSH_9.2\r\n", .badAnswer),
            ("", .interrupted),
        ])
    func noGateway(answer: String, kind: SandstormError.Kind) async throws {
        let server = try ScriptedServer { _, _ in answer }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).runs() }
        #expect(error?.kind == kind, "\(String(describing: error))")
    }

    @Test func `a longer wait than the patience is not waited for`() async throws {
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("429 Too Many Requests", "{}", headers: "Retry-After: 3600\r\n") }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).runs() }
        #expect(error?.kind == .tooBusy)
        #expect(server.requests.count == 1)
    }

    @Test func `a silent gateway does not stop cancellation`() async throws {
        let server = try ScriptedServer { _, _ in nil }
        let sandstorm = sandstorm(server)
        let task = Task { try await sandstorm.runs() }
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(5)) }
        task.cancel()
        let error = await #expect(throws: SandstormError.self) { try await task.value }
        #expect(error?.kind == .cancelled)
    }

    @Test func `nobody listens`() async throws {
        let url = try ScriptedServer { _, _ in nil }.url
        let error = await #expect(throws: SandstormError.self) {
            try await Sandstorm(backend: GatewayClient(address: url, key: nil, policy: Self.quick)).runs()
        }
        #expect(error?.kind == .unreachable)
    }

    @Test func `a key is shown by nothing`() {
        let key = APIKey(secret: "sandstorm_secret")
        var text = "\(key) \(String(reflecting: key))"
        dump(key, to: &text)
        #expect(!text.contains("secret"))
    }

    @Test("a pause is drawn below a bound that doubles", arguments: [0.0, 0.5, 1.0])
    func pauses(random: Double) {
        let policy = RetryPolicy(attempts: 5, base: .milliseconds(100), longest: .milliseconds(300), patience: .seconds(1))
        let pauses = (1...5).map { policy.pause(after: $0, retryAfter: nil, random: random) }
        #expect(pauses == [100, 200, 300, 300].map { .milliseconds($0) * random } + [nil])
        #expect(policy.pause(after: 1, retryAfter: .seconds(1), random: random) == .seconds(1) + .milliseconds(100) * random)
        #expect(policy.pause(after: 1, retryAfter: .seconds(2), random: random) == nil)
    }
}
