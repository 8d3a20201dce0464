import Foundation
import SandstormTestSupport
import Testing

@testable import Sandstorm

@Suite("The SDK's way to sandboxes behind a gateway") struct SandboxClientTests {
    private static let quick = RetryPolicy(attempts: 4, base: .milliseconds(1), longest: .milliseconds(5), patience: .seconds(5))

    private func sandstorm(_ server: ScriptedServer, key: String? = nil) -> Sandstorm {
        Sandstorm(backend: GatewayClient(address: server.url, key: key.map(APIKey.init), policy: Self.quick))
    }

    private let info = SandboxInfo(
        id: .generate(), run: .generate(), state: .running, spec: SandboxSpec(), createdAt: Date(), leaseUntil: Date() + 300)
    private let process = SandboxProcessInfo(id: .generate(), pid: 7, arguments: ["cat"], hasTerminal: false, startedAt: Date())

    /// The events of a process that prints two lines.
    private var events: [SandboxProcessEvent] {
        let bodies: [SandboxProcessEvent.Body] = [
            .started(process), .stdout(Array("one\n".utf8)), .stderr([0xFF]), .stdout(Array("two\n".utf8)), .exited(ExitStatus(.code(3))),
        ]
        return bodies.enumerated().map { SandboxProcessEvent(sequence: $0 + 1, time: Date(), body: $1) }
    }

    private func stream(_ events: some Collection<SandboxProcessEvent>, isComplete: Bool) -> String {
        let body = events.map { "id: \($0.sequence)\nevent: \($0.name)\ndata: \($0.data.encoded)\n\n" }.joined()
        return Self.stream(body, isComplete: isComplete)
    }

    private static func stream(_ body: String, isComplete: Bool) -> String {
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (body.isEmpty ? "" : "\(String(body.utf8.count, radix: 16))\r\n\(body)\r\n") + (isComplete ? "0\r\n\r\n" : "")
    }

    private static func problem(_ status: String, _ type: String) -> String {
        ScriptedServer.answer(
            status, type: "application/problem+json", #"{"type":"urn:sandstorm:problem:\#(type)","detail":"so it is","status":0}"#)
    }

    @Test func `making a sandbox is repeated with the same key`() async throws {
        let info = info
        let server = try ScriptedServer { index, _ in
            index == 0 ? "HTTP/1.1 201 Created\r\n" : ScriptedServer.answer("201 Created", info.json.encoded)
        }
        let sandbox = try await sandstorm(server, key: "secret").createSandbox(SandboxRequest(spec: SandboxSpec()))
        #expect(sandbox.id == info.id)
        let keys = server.requests.map { $0.split(separator: "\r\n").first { $0.lowercased().hasPrefix("idempotency-key:") } }
        #expect(keys.count == 2)
        #expect(keys[0] != nil && keys[0] == keys[1])
        #expect(server.requests[0].hasPrefix("POST /v1/sandboxes HTTP/1.1"))
        #expect(server.requests[0].contains("Bearer secret"))
    }

    @Test func `a sandbox ends with the work in it, also when that throws`() async throws {
        struct Failure: Error {}
        let info = info
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("200 OK", info.json.encoded) }
        await #expect(throws: Failure.self) { try await sandstorm(server).withSandbox { _ in throw Failure() } }
        #expect(server.requests.last?.hasPrefix("DELETE /v1/sandboxes/\(info.id) ") == true)
        let value = try await sandstorm(server).withSandbox { $0.id }
        #expect(value == info.id)
        #expect(server.requests.filter { $0.hasPrefix("DELETE") }.count == 2)
    }

    @Test func `a sandbox ends also when its task is cancelled`() async throws {
        let info = info
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("200 OK", info.json.encoded) }
        let sandstorm = sandstorm(server)
        let task = Task {
            try await sandstorm.withSandbox { _ in
                withUnsafeCurrentTask { $0?.cancel() }
                try await Task.sleep(for: .seconds(100))
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(server.requests.last?.hasPrefix("DELETE") == true)
    }

    @Test func `a command's events go on after a cut`() async throws {
        let (events, process) = (events, process)
        let server = try ScriptedServer { index, _ in
            index == 0 ? stream(events[..<2], isComplete: false) : stream(events[1...], isComplete: true)
        }
        let result = try await sandstorm(server).sandbox(info.id).run("cat")
        #expect(result.exitCode == 3)
        #expect(result.stdout == "one\ntwo\n")
        #expect(result.stderrBytes == [0xFF])
        #expect(result.process.id == process.id)
        #expect(server.requests.count == 2)
        #expect(server.requests[0].contains(#""closeStdin":true"#))
        #expect(server.requests[1].hasPrefix("GET /v1/sandboxes/\(info.id)/processes/\(process.id)/events "))
        #expect(server.requests[1].lowercased().contains("last-event-id: 2\r\n"))
    }

    @Test func `a start whose answer was lost is not repeated`() async throws {
        let server = try ScriptedServer { _, _ in "HTTP/1.1 200 OK\r\n" }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).sandbox(info.id).run("cat") }
        #expect(error?.kind == .interrupted)
        #expect(server.requests.count == 1)
    }

    @Test func `events cut for good are an error, and the process is killed`() async throws {
        let events = events
        let server = try ScriptedServer { index, request in
            request.hasPrefix("DELETE") ? ScriptedServer.answer("200 OK", "{}") : stream(index == 0 ? events[..<2] : [], isComplete: false)
        }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).sandbox(info.id).run("cat") }
        #expect(error?.kind == .interrupted)
        #expect(server.requests.last?.hasPrefix("DELETE /v1/sandboxes/\(info.id)/processes/\(process.id) ") == true)
    }

    @Test func `letting go of a process kills it, and of a detached one not`() async throws {
        let (events, process) = (events, process)
        let server = try ScriptedServer { _, request in
            if request.contains(#""detached":true"#) { return ScriptedServer.answer("201 Created", process.json.encoded) }
            return request.hasPrefix("POST")
                ? stream(events[..<1], isComplete: false) : ScriptedServer.answer("200 OK", process.json.encoded)
        }
        let sandbox = sandstorm(server).sandbox(info.id)
        do {
            let detached = try await sandbox.start(ProcessRequest(Command(["cat"]), detached: true))
            #expect(detached.id == process.id)
        }
        do {
            let started = try await sandbox.start(Command(["cat"]))
            #expect(started.info.pid == 7)
            #expect(server.requests.count == 2, "the detached one was left alone")
        }
        #expect(await eventually { server.requests.last?.hasPrefix("DELETE /v1/sandboxes/\(info.id)/processes/\(process.id) ") == true })
    }

    @Test func `input, signals and sizes`() async throws {
        let process = process
        let server = try ScriptedServer { _, request in
            request.hasPrefix("GET")
                ? ScriptedServer.answer("200 OK", process.json.encoded) : "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
        }
        let running = try await sandstorm(server).sandbox(info.id).process(process.id)
        try await running.write("some input")
        try await running.closeInput()
        try await running.signal(.interrupt)
        try await running.resize(columns: 100, rows: 50)
        let path = "POST /v1/sandboxes/\(info.id)/processes/\(process.id)"
        #expect(server.requests[1].hasPrefix("\(path)/stdin HTTP") && server.requests[1].hasSuffix("\r\n\r\nsome input"))
        #expect(server.requests[2].hasPrefix("\(path)/stdin?close=true HTTP"))
        #expect(server.requests[3].hasPrefix("\(path)/signal HTTP") && server.requests[3].contains(#"{"signal":"INT","target":"group"}"#))
        #expect(server.requests[4].hasPrefix("\(path)/resize HTTP") && server.requests[4].contains(#"{"columns":100,"rows":50}"#))
    }

    @Test func `paths are escaped`() async throws {
        let file = FileInfo(path: "/workspace/a", kind: .file, size: 3, mode: 0o640, owner: "user", group: "user", modifiedAt: Date())
        let server = try ScriptedServer { _, _ in ScriptedServer.answer("201 Created", file.json.encoded) }
        let files = sandstorm(server).sandbox(info.id).files
        #expect(try await files.write("/a b&c=d?#%é\n", "abc", mode: 0o755).mode == 0o640)
        #expect(
            server.requests[0].hasPrefix("PUT /v1/sandboxes/\(info.id)/files?path=/a%20b%26c%3Dd%3F%23%25%C3%A9%0A&mode=0755 HTTP"))
        #expect(server.requests[0].hasSuffix("\r\n\r\nabc"))
    }

    @Test func `parts of files`() async throws {
        let server = try ScriptedServer { index, _ in
            switch index {
            case 0: ScriptedServer.answer("206 Partial Content", "cde", headers: "Content-Range: bytes 2-4/10\r\n")
            case 1: Self.problem("416 Range Not Satisfiable", "invalid-parameter")
            default: ScriptedServer.answer("200 OK", "abcdef")
            }
        }
        let files = sandstorm(server).sandbox(info.id).files
        let part = try await files.open("f", range: 2..<5)
        #expect(part.size == 10)
        #expect(try await part.bytes.collect(upTo: 3) == Array("cde".utf8))
        #expect(server.requests[0].lowercased().contains("range: bytes=2-4\r\n"))
        #expect(try await files.read("f", range: 20..<30) == [])
        let error = await #expect(throws: SandstormError.self) { try await files.read("f", upTo: 5) }
        #expect(error?.kind == .invalidRequest)
    }

    @Test func `an upload whose source fails is told as that failure`() async throws {
        struct Failure: Error {}
        let server = try ScriptedServer { _, _ in nil }
        let source = AsyncThrowingStream<[UInt8], any Error> { continuation in
            continuation.yield(Array("some".utf8))
            continuation.finish(throwing: Failure())
        }
        await #expect(throws: Failure.self) { try await sandstorm(server).sandbox(info.id).files.write("f", from: source) }
    }

    @Test func `a download that was cut is an error`() async throws {
        let server = try ScriptedServer { _, _ in "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).sandbox(info.id).files.read("f") }
        #expect(error?.kind == .interrupted)
    }

    @Test func `a watch that was cut says that changes may have been missed`() async throws {
        let change = FileChange(.modified, path: "/workspace/a")
        let server = try ScriptedServer { _, _ in
            Self.stream("event: watching\ndata: {}\n\nevent: change\ndata: \(change.json.encoded)\n\n", isComplete: true)
        }
        var changes = try await sandstorm(server).sandbox(info.id).files.watch().makeAsyncIterator()
        #expect(try await changes.next() == change)
        await #expect(throws: SandstormError.self) { try await changes.next() }
    }

    @Test(
        "kinds of failure",
        arguments: [
            ("410 Gone", "sandbox-ended", SandstormError.Kind.sandboxEnded), ("409 Conflict", "conflict", .conflict),
            ("409 Conflict", "idempotency-conflict", .idempotencyConflict), ("404 Not Found", "file-not-found", .fileNotFound),
            ("404 Not Found", "not-found", .notFound), ("403 Forbidden", "file-forbidden", .forbidden),
            ("507 Insufficient Storage", "disk-full", .diskFull), ("501 Not Implemented", "unsupported", .unsupported),
            ("502 Bad Gateway", "provider-failed", .providerFailed), ("504 Gateway Timeout", "provider-timed-out", .timedOut),
        ])
    func kinds(status: String, type: String, kind: SandstormError.Kind) async throws {
        let server = try ScriptedServer { _, _ in Self.problem(status, type) }
        let error = await #expect(throws: SandstormError.self) { try await sandstorm(server).sandbox(info.id).info() }
        #expect(error?.kind == kind)
        #expect(error?.message == "so it is")
    }

    @Test func `what can't be right is not sent`() async throws {
        let server = try ScriptedServer { _, _ in nil }
        let sandstorm = sandstorm(server)
        var spec = SandboxSpec()
        spec.memory = 1
        spec.code = "print()"
        let error = await #expect(throws: SandstormError.self) { try await sandstorm.createSandbox(SandboxRequest(spec: spec)) }
        #expect(error?.problems.count == 2)
        await #expect(throws: SandstormError.self) { try await sandstorm.sandbox(info.id).start(Command([])) }
        await #expect(throws: SandstormError.self) { try await sandstorm.sandbox(info.id).renew(for: .zero) }
        await #expect(throws: SandstormError.self) { try await sandstorm.sandbox(info.id).endpoint(port: 0) }
        await #expect(throws: SandstormError.self) { try await sandstorm.sandboxes(limit: 201) }
        #expect(server.requests == [])
    }

    @Test func `a port's address carries the key`() async throws {
        let server = try ScriptedServer { _, _ in nil }
        let endpoint = try await sandstorm(server, key: "secret").sandbox(info.id).endpoint(port: 8080)
        #expect(endpoint.url.absoluteString == "\(server.url)/v1/sandboxes/\(info.id)/ports/8080/")
        #expect(endpoint.headers == ["Authorization": "Bearer secret"])
    }
}
