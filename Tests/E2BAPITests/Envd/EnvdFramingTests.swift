import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Connect as envd speaks it") struct EnvdFramingTests {
    private static let unary = [("content-type", "application/json")]
    private static let stream = [("content-type", "application/connect+json")]

    /// Runs `body` with a sandbox whose `cat` repeats its input, whose `sleep` does nothing for an hour, and whose `flood` puts out much.
    private func place(
        configure: (inout TestE2B) -> Void = { _ in }, _ body: @escaping @Sendable (TestSandbox, ScriptedProvider) async throws -> Void
    ) async throws {
        let provider = ScriptedProvider()
        let much = ScriptedProvider.Step.output(String(repeating: "x", count: 32 * 1024))
        provider.behave {
            $0.scripts = [
                "cat": [.cat, .exit(0)], "sleep": [.sleep(.seconds(3600)), .exit(0)], "flood": Array(repeating: much, count: 10_000),
                "dies": [.output("out"), .runOutOfMemory], "vanishes": [.output("out"), .vanish],
            ]
        }
        var test = try await TestE2B([provider])
        configure(&test)
        try await test.serve { server in
            let sandbox = try await server.sandbox()
            let files = try await server.engine.files(of: sandbox.id, for: .local)
            _ = try await files.makeDirectory("/home/user", mode: 0o755)
            try await body(sandbox, provider)
        }
    }

    private static func start(_ program: String, tag: String = "a") -> JSONValue {
        ["process": ["cmd": .string(program)], "tag": .string(tag)]
    }

    // MARK: One message each way

    @Test(
        "a call that is not as it must be is refused",
        arguments: [
            ("POST", "/process.Process/List", "{}", [("content-type", "application/proto")], 415, ""),
            ("POST", "/process.Process/List", "{}", [], 415, ""),
            ("POST", "/process.Process/List", "{}", stream, 415, ""),
            ("POST", "/process.Process/Start", "{}", unary, 415, ""),
            ("POST", "/process.Process/StreamInput", "{}", unary, 415, ""),
            ("POST", "/process.Process/List", "[]", unary, 400, "invalid_argument"),
            ("POST", "/process.Process/List", "{", unary, 400, "invalid_argument"),
            ("POST", "/process.Process/List", "{}", unary + [("content-encoding", "gzip")], 501, "unimplemented"),
            ("POST", "/process.Process/List", "{}", unary + [("connect-timeout-ms", "1s")], 400, "invalid_argument"),
            ("POST", "/process.Process/SendSignal", "{}", unary, 501, "unimplemented"),
            ("POST", "/process.Process/SendSignal", #"{"signal":9}"#, unary, 400, "invalid_argument"),
            ("POST", "/process.Process/SendInput", #"{"process":{"pid":1}}"#, unary, 400, "invalid_argument"),
            ("POST", "/process.Process/SendInput", #"{"process":{"pid":1},"input":{"stdin":"?"}}"#, unary, 400, "invalid_argument"),
            ("POST", "/process.Process/SendInput", #"{"process":{"pid":"7"},"input":{"stdin":""}}"#, unary, 404, "not_found"),
            ("POST", "/process.Process/CloseStdin", #"{"process":{"tag":"no"}}"#, unary, 404, "not_found"),
            ("POST", "/process.Process/Update", #"{"process":{}}"#, unary, 400, "invalid_argument"),
            ("POST", "/filesystem.Filesystem/RemoveWatcher", #"{"watcherId":"x"}"#, unary, 404, "not_found"),
            ("POST", "/process.Process/GetResult", "{}", unary, 501, "unimplemented"),
            ("POST", "/filesystem.Filesystem/Chmod", "{}", unary, 501, "unimplemented"),
            ("GET", "/process.Process/List", "", [], 405, ""),
        ])
    func refusals(method: String, path: String, body: String, headers: [(String, String)], status: Int, code: String) async throws {
        try await place { sandbox, _ in
            let answer = try await sandbox.send(method, path, body.isEmpty ? nil : .bytes(ByteBuffer(string: body)), headers: headers)
            #expect(answer.status == status, "\(answer.text)")
            let json = try answer.json
            #expect(json["message"]?.stringValue?.isEmpty == false)
            // A number is no code of this protocol's: clients then go by the status.
            #expect(code.isEmpty ? json["code"]?.intValue == status : json["code"]?.stringValue == code)
        }
    }

    @Test func `empty bodies, other spellings and unknown members are fine`() async throws {
        try await place { sandbox, _ in
            for (body, type) in [("", "application/json"), (#"{"x":1}"#, "Application/JSON; charset=utf-8")] {
                let answer = try await sandbox.send(
                    "POST", "//process.Process/List", .bytes(ByteBuffer(string: body)),
                    headers: [("content-type", type), ("content-encoding", "identity"), ("accept-encoding", "zstd,gzip,br")])
                #expect(answer.status == 200 && answer.text == "{}")
                #expect(answer.headers["content-type"] == "application/json" && answer.headers["content-encoding"] == nil)
            }
        }
    }

    @Test func `a message that is too long is refused`() async throws {
        try await place(configure: { $0.configuration.maximumBodyBytes = 1000 }) { sandbox, _ in
            let long = ByteBuffer(repeating: UInt8(ascii: " "), count: 5000)
            let answer = try await sandbox.send("POST", "/process.Process/List", .bytes(long), headers: Self.unary)
            #expect(answer.status == 429)
            #expect(try answer.json["code"] == "resource_exhausted")
            let streamed = try await sandbox.stream("process.Process/Start", ["x": .string(String(repeating: "x", count: 5000))]).outcome()
            #expect(streamed.error?.code == .resourceExhausted)
        }
    }

    @Test func `a call has no longer than it says`() async throws {
        try await place { sandbox, provider in
            provider.behave { $0.delays[.files] = .seconds(60) }
            let answer = try await sandbox.call("filesystem.Filesystem/Stat", ["path": "/"], headers: [("connect-timeout-ms", "100")])
            #expect(answer.status == 504)
            #expect(try answer.json["code"] == "deadline_exceeded")
            provider.behave { $0.delays[.start] = .seconds(60) }
            let stream = try await sandbox.stream("process.Process/Start", Self.start("cat"), headers: [("connect-timeout-ms", "100")])
            #expect(try await stream.outcome().error?.code == .deadlineExceeded)
            provider.behave { $0.delays = [:] }
        }
    }

    // MARK: Streams

    private static let message = Array(ConnectFrame(start("cat")).encoded.readableBytesView)

    @Test(
        "a request that is not one frame ends the stream with an error",
        arguments: [
            ([], ConnectCode.invalidArgument), ([1] + message.dropFirst(), .unimplemented), ([8] + message.dropFirst(), .invalidArgument),
            (Array(message.dropLast()), .invalidArgument), (message + message, .invalidArgument), ([2, 0, 0, 0, 0], .invalidArgument),
            ([0, 255, 255, 255, 255], .resourceExhausted), (Array(#"{"process":{"cmd":"cat"}}"#.utf8), .invalidArgument),
            ([0, 0, 0, 0, 2, 0x5B, 0x5D], .invalidArgument), ([0, 0, 0, 0, 0], .invalidArgument),
        ])
    func frames(bytes: [UInt8], code: ConnectCode) async throws {
        try await place { sandbox, provider in
            let response = try await sandbox.server.open(
                "POST", "/process.Process/Start", .bytes(ByteBuffer(bytes: bytes)), headers: sandbox.fields + Self.stream)
            let stream = FrameStream(response)
            #expect(stream.status == 200)
            #expect(stream.contentType == "application/connect+json")
            let frame = try #require(try await stream.next())
            #expect(frame.isEnd)
            #expect(ConnectEndOfStream(json: try frame.message()).error?.code == code)
            #expect(try await stream.next() == nil)
            #expect(provider.commands.isEmpty)
        }
    }

    @Test func `a request that comes byte by byte is the same request`() async throws {
        try await place { sandbox, _ in
            let bytes = Self.message.map { ByteBuffer(bytes: [$0]) }
            let response = try await sandbox.server.open(
                "POST", "/process.Process/Start", .stream(bytes.async, length: .unknown), headers: sandbox.fields + Self.stream)
            let stream = FrameStream(response)
            #expect(try await stream.message()["event"]?["start"] != nil)
        }
    }

    @Test(
        "a stream of input that goes wrong says so",
        arguments: [
            (#"{"data":{"input":{"stdin":"YQ=="}}}"#, ConnectCode.invalidArgument), (#"{"start":{"process":{"tag":"no"}}}"#, .notFound),
            (#"{"start":{"process":{}}}"#, .invalidArgument), ("x", .invalidArgument),
        ])
    func badInput(message: String, code: ConnectCode) async throws {
        try await place { sandbox, _ in
            let (body, continuation) = AsyncStream<ByteBuffer>.makeStream()
            continuation.yield(ConnectFrame(payload: ByteBuffer(string: message)).encoded)
            // The rest never comes; the answer does.
            let response = try await sandbox.server.open(
                "POST", "/process.Process/StreamInput", .stream(body, length: .unknown), headers: sandbox.fields + Self.stream)
            let frame = try #require(try await FrameStream(response).next())
            #expect(frame.isEnd)
            #expect(ConnectEndOfStream(json: try frame.message()).error?.code == code)
            continuation.finish()
        }
    }

    @Test func `a client that leaves in the middle of its input ends nothing but that`() async throws {
        try await place { sandbox, _ in
            let stream = try await sandbox.stream("process.Process/Start", Self.start("cat"))
            _ = try await stream.message()
            let (body, continuation) = AsyncStream<ByteBuffer>.makeStream()
            continuation.yield(ConnectFrame(["start": ["process": ["tag": "a"]]]).encoded)
            continuation.yield(ConnectFrame(["data": ["input": ["stdin": "YQ=="]]]).encoded)
            let sending = Task {
                try await sandbox.server.send(
                    "POST", "/process.Process/StreamInput", .stream(body, length: .unknown), headers: sandbox.fields + Self.stream)
            }
            #expect(try await stream.message() == ["event": ["data": ["stdout": "YQ=="]]])
            sending.cancel()
            _ = try? await sending.value
            _ = try await sandbox.call("process.Process/SendInput", ["process": ["tag": "a"], "input": ["stdin": "Yg=="]])
            #expect(try await stream.message() == ["event": ["data": ["stdout": "Yg=="]]])
        }
    }

    // MARK: Ends from outside

    @Test func `a process that was ended by its place is told as what it was`() async throws {
        try await place { sandbox, _ in
            let killed = try await sandbox.stream("process.Process/Start", Self.start("dies")).outcome()
            #expect(killed.stdout == "out" && killed.end?["status"] == "signal: killed" && killed.error == nil)
            let lost = try await sandbox.stream("process.Process/Start", Self.start("vanishes")).outcome()
            #expect(lost.stdout == "out" && lost.end == nil && lost.error?.code == .unavailable)
            #expect(await eventually { (try? await sandbox.send("GET", "/health").status) == 502 })
        }
    }

    @Test func `a gateway that stops says so in its streams`() async throws {
        try await place(configure: { $0.configuration.drainTime = .zero }) { sandbox, _ in
            let stream = try await sandbox.stream("process.Process/Start", Self.start("sleep"))
            _ = try await stream.message()
            await sandbox.server.stop()
            let outcome = try await stream.outcome()
            #expect(outcome.end == nil && outcome.error?.code == .unavailable)
        }
    }

    @Test func `who does not read holds up the process, not the gateway`() async throws {
        try await place { sandbox, provider in
            let stream = try await sandbox.stream("process.Process/Start", Self.start("flood"))
            _ = try await stream.message()
            #expect(await eventually { provider.stepsPlayed > 8 })
            // It comes to a halt, long before all of it was put out.
            let halts = await eventually {
                let played = provider.stepsPlayed
                try? await Task.sleep(for: .milliseconds(500))
                return provider.stepsPlayed == played
            }
            #expect(halts)
            #expect(provider.stepsPlayed < 2000)
            #expect(try await stream.outcome().stdout.utf8.count == 10_000 * 32 * 1024)
        }
    }
}
