import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

#if canImport(Glibc)
import Glibc
#endif

/// What kernels are made of, on this machine.
enum KernelMachine {
    static let canRun = LocalMachine.canRun && access("/usr/lib/python3/dist-packages/ipykernel", F_OK) == 0
    static let why: Comment = "needs sandboxes and python3-ipykernel (scripts/setup.sh test)"
    static let canPlot = canRun && access("/usr/lib/python3/dist-packages/matplotlib", F_OK) == 0
    static let hasNode = canRun && access("/usr/bin/node", X_OK) == 0
    static let hasJava = canRun && access("/usr/bin/jshell", X_OK) == 0
    static let hasR = canRun && access("/usr/lib/R/site-library/IRkernel", F_OK) == 0
    static let hasTypeScript = hasNode && access("/usr/share/nodejs/typescript", F_OK) == 0
}

/// The code interpreter of one sandbox, spoken to as the vendor's SDK does.
struct TestInterpreter: Sendable {
    let sandbox: TestSandbox

    /// The fields by which the SDK names a port of a sandbox.
    var place: [(String, String)] {
        [("e2b-sandbox-id", sandbox.name), ("e2b-sandbox-port", "49999"), ("content-type", "application/json")]
    }

    /// Runs `body` with the interpreter of a sandbox of its own.
    static func run(
        _ change: @escaping @Sendable (inout SandboxRequest) -> Void = { _ in },
        _ body: @escaping @Sendable (TestInterpreter) async throws -> Void
    ) async throws {
        try await TestE2B.local { server in try await body(TestInterpreter(sandbox: server.sandbox(change))) }
    }

    func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> Answer {
        let bytes = body.map { HTTPClientRequest.Body.bytes(ByteBuffer(bytes: $0.encodedBytes)) }
        return try await sandbox.server.send(method, path, bytes, headers: place)
    }

    /// Begins to run code and gives the answer as it comes.
    func open(
        _ code: String, language: String? = nil, context: String? = nil, environment: [String: String]? = nil, token: String? = nil
    ) async throws -> HTTPClientResponse {
        let body: JSONValue = [
            "code": .string(code), "context_id": context.map(JSONValue.string) ?? .null,
            "language": language.map(JSONValue.string) ?? .null,
            "env_vars": environment?.json ?? .null,
        ]
        return try await sandbox.server.open(
            "POST", "/execute", .bytes(ByteBuffer(bytes: body.encodedBytes)), headers: place + [("x-access-token", token ?? sandbox.token)])
    }

    /// Runs code to its end.
    func execute(
        _ code: String, language: String? = nil, context: String? = nil, environment: [String: String]? = nil
    ) async throws -> Execution {
        let response = try await open(code, language: language, context: context, environment: environment)
        let body = try await response.body.collect(upTo: 1 << 28)
        return try Execution(status: Int(response.status.code), body: String(buffer: body))
    }

    /// A new context's id.
    func context(language: String? = nil, cwd: String? = nil) async throws -> String {
        var body = JSONObject()
        body["language"] = language.map(JSONValue.string)
        body["cwd"] = cwd.map(JSONValue.string)
        let answer = try await send("POST", "/contexts", .object(body))
        #expect(answer.status == 200, "\(answer.text)")
        return try #require(try answer.json["id"]?.stringValue)
    }

    /// How many processes of the sandbox have this in their command lines.
    func count(_ part: String) async throws -> Int {
        // The brackets keep the search from finding itself.
        let pattern = "[\(part.prefix(1))]\(part.dropFirst())"
        let outcome = try await sandbox.run("cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n' | grep -c -e '\(pattern)'")
        return try #require(Int(outcome.stdout.trimmingSuffix { $0 == "\n" }))
    }
}

extension String {
    func trimmingSuffix(while isTrimmed: (Character) -> Bool) -> String {
        var text = self[...]
        while let last = text.last, isTrimmed(last) { text.removeLast() }
        return String(text)
    }
}

/// What became of a piece of code.
struct Execution: Sendable {
    let status: Int
    /// The whole answer.
    let body: String
    /// Its events, without signs of life; none if it was refused.
    let events: [JSONValue]

    init(status: Int, body: String) throws {
        self.status = status
        self.body = body
        guard status == 200 else {
            events = []
            return
        }
        var lines = body.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.popLast() == "", "the last line does not end")
        #expect(!lines.contains(""), "there is an empty line")
        let isASCII = body.utf8.allSatisfy { $0 < 128 }
        #expect(isASCII, "something is not escaped")
        let all = try lines.map { try JSONValue(parsing: Array($0.utf8)) }
        events = all.filter { $0 != ["type": "keepalive"] }
    }

    /// What happened.
    var types: [String] { events.compactMap { $0["type"]?.stringValue } }
    var stdout: String { text(of: "stdout") }
    var stderr: String { text(of: "stderr") }
    var results: [JSONValue] { events.filter { $0["type"] == "result" } }
    var error: JSONValue? { events.first { $0["type"] == "error" } }
    var count: Int? { events.first { $0["type"] == "number_of_executions" }?["execution_count"]?.intValue }
    /// The text of the main result.
    var text: String? { results.last { $0["is_main_result"] == true }?["text"]?.stringValue }

    private func text(of type: JSONValue) -> String {
        events.filter { $0["type"] == type }.compactMap { $0["text"]?.stringValue }.joined()
    }
}
