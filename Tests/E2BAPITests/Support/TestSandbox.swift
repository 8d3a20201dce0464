import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormWire
import Testing

/// A sandbox whose envd is spoken to as the vendor's SDK does.
struct TestSandbox: Sendable {
    let server: LiveE2B
    let id: SandboxID
    /// As this dialect has it.
    let name: String
    let token: String

    /// The fields by which the SDK names a sandbox.
    var place: [(String, String)] { [("e2b-sandbox-id", name), ("e2b-sandbox-port", "49983")] }
    var fields: [(String, String)] { place + [("x-access-token", token)] }

    func send(
        _ method: String, _ path: String, _ body: HTTPClientRequest.Body? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        try await server.send(method, path, body, headers: fields + headers)
    }

    /// Calls a procedure with one message each way.
    func call(_ procedure: String, _ message: JSONValue, headers: [(String, String)] = []) async throws -> Answer {
        try await send(
            "POST", "/\(procedure)", .bytes(ByteBuffer(bytes: message.encodedBytes)),
            headers: [("content-type", "application/json"), ("connect-protocol-version", "1")] + headers)
    }

    /// The code of the error that a call ends with.
    func code(_ procedure: String, _ message: JSONValue, headers: [(String, String)] = []) async throws -> String? {
        try await call(procedure, message, headers: headers).json["code"]?.stringValue
    }

    /// Calls a procedure that answers with a stream.
    func stream(_ procedure: String, _ message: JSONValue, headers: [(String, String)] = []) async throws -> FrameStream {
        let frame = ConnectFrame(message).encoded
        // As the SDK has it: in chunks, even for one frame.
        let body = HTTPClientRequest.Body.stream([frame].async, length: .unknown)
        let response = try await server.open(
            "POST", "/\(procedure)", body,
            headers: fields + [("content-type", "application/connect+json"), ("connect-protocol-version", "1")] + headers)
        return FrameStream(response)
    }

    /// Runs a line of shell to its end.
    func run(_ line: String, headers: [(String, String)] = []) async throws -> Outcome {
        try await stream(
            "process.Process/Start", ["process": ["cmd": "/bin/bash", "args": ["-c", .string(line)]], "stdin": false], headers: headers
        )
        .outcome()
    }
}

extension LiveE2B {
    /// Makes a sandbox through the engine.
    func sandbox(_ change: (inout SandboxRequest) -> Void = { _ in }) async throws -> TestSandbox {
        var request = SandboxRequest()
        change(&request)
        let id = try await engine.createSandbox(request, by: .local).sandbox.id
        return TestSandbox(
            server: self, id: id, name: id.rawValue.replacing("_", with: ""), token: engine.sandboxToken(id, for: "e2b.envd"))
    }
}

/// What a process put out, and how its stream ended.
struct Outcome: Sendable {
    var pid = 0
    var stdout = ""
    var stderr = ""
    var terminal = ""
    /// The member `end` of the last event.
    var end: JSONValue?
    /// The error of the last frame.
    var error: ConnectError?
}

/// The frames of an answer, as they come. One consumer.
final class FrameStream {
    let status: Int
    let contentType: String?
    private let response: HTTPClientResponse
    private var iterator: HTTPClientResponse.Body.AsyncIterator
    private var decoder = ConnectFrameDecoder()

    init(_ response: HTTPClientResponse) {
        self.response = response
        status = Int(response.status.code)
        contentType = response.headers.first(name: "content-type")
        iterator = response.body.makeAsyncIterator()
    }

    /// The next frame; `nil` at the body's end.
    func next() async throws -> ConnectFrame? {
        while true {
            if let frame = try decoder.next() { return frame }
            guard let bytes = try await iterator.next() else {
                try decoder.finish()
                return nil
            }
            decoder.append(bytes)
        }
    }

    /// The next message.
    func message(sourceLocation: SourceLocation = #_sourceLocation) async throws -> JSONValue {
        let frame = try #require(try await next(), sourceLocation: sourceLocation)
        #expect(!frame.isEnd, "\(String(buffer: frame.payload))", sourceLocation: sourceLocation)
        return try frame.message()
    }

    /// Messages up to one with this text in its JSON.
    func skip(to part: String) async throws {
        while let frame = try await next() { if String(buffer: frame.payload).contains(part) { return } }
        Issue.record("the stream ended before \(part)")
    }

    /// The body when it is no stream.
    func body() async throws -> String {
        var text = ""
        while let bytes = try await iterator.next() { text += String(buffer: bytes) }
        return text
    }

    /// Reads a process's stream to its end, which must be well-formed.
    func outcome(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Outcome {
        var outcome = Outcome()
        var bytes: [String: [UInt8]] = [:]
        var ended = false
        while let frame = try await next() {
            #expect(!ended, sourceLocation: sourceLocation)
            let message = try frame.message()
            if frame.isEnd {
                ended = true
                outcome.error = ConnectEndOfStream(json: message).error
                continue
            }
            let event = try ProtobufJSON(message).message("event")
            if let start = try event?.message("start") { outcome.pid = try start.integer("pid") ?? 0 }
            if let data = try event?.message("data") {
                for kind in ["stdout", "stderr", "pty"] { bytes[kind, default: []] += try data.bytes(kind) ?? [] }
            }
            if let end = event?.value("end") { outcome.end = end }
        }
        #expect(ended, "there was no last frame", sourceLocation: sourceLocation)
        outcome.stdout = String(decoding: bytes["stdout"] ?? [], as: UTF8.self)
        outcome.stderr = String(decoding: bytes["stderr"] ?? [], as: UTF8.self)
        outcome.terminal = String(decoding: bytes["pty"] ?? [], as: UTF8.self)
        return outcome
    }
}

extension Array where Element: Sendable {
    /// The elements as a sequence that is waited for.
    var async: AsyncStream<Element> {
        AsyncStream { continuation in
            for element in self { continuation.yield(element) }
            continuation.finish()
        }
    }
}
