import Foundation
import SandstormCore
import SandstormTestSupport
import Testing

/// Every program of the corpus, through HTTP and through the command line, in real sandboxes.
@Suite("Programs", .serialized) struct ProgramTests {
    static let gateway = Task { try await Gateway() }

    @Test("over HTTP", arguments: CorpusProgram.all)
    func http(program: CorpusProgram) async throws {
        var spec = SandboxSpec(code: program.code, language: program.language)
        spec.stdin = program.input
        let reply = try await Self.gateway.value.post("/v1/runs", RunRequest(spec: spec).json)
        #expect(reply.status == 200, "\(reply.body)")
        let result = try #require(reply.json.flatMap(RunResult.init(json:)))
        #expect(result.failure == nil)
        #expect(result.stdout == program.expectedOutput, "\(result.stderr)")
        #expect(result.exitCode ?? result.signal.map { 128 + $0.rawValue } == program.expectedExitCode, "\(result.stderr)")
        if let expected = program.expectedError { #expect(result.stderr.contains(expected)) }
    }

    @Test("on the command line", arguments: CorpusProgram.all)
    func commandLine(program: CorpusProgram) async throws {
        let gateway = try await Self.gateway.value
        let result = try await Self.run(program, gateway.url)
        #expect(result.output == program.expectedOutput, "\(result.error)")
        #expect(result.code == program.expectedExitCode, "\(result.error)")
        if let expected = program.expectedError { #expect(result.error.contains(expected)) }
    }

    private static func run(_ program: CorpusProgram, _ url: String) async throws -> (output: String, error: String, code: Int32) {
        let child = try ChildProgram(
            Gateway.executable, ["run", program.source.path, "--stdin", "--gateway", url],
            environment: ProcessInfo.processInfo.environment, input: program.input)
        let code = try #require(await child.wait())
        return (String(decoding: child.output, as: UTF8.self), String(decoding: child.errors, as: UTF8.self), code)
    }
}
