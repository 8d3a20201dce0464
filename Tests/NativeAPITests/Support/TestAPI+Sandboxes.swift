import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

extension TestClientProtocol {
    /// Makes a sandbox and gives its place in the API.
    func sandbox(_ body: String? = nil, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let response = try await send(.post, "/v1/sandboxes", body)
        #expect(response.status == .created, "\(response.text)", sourceLocation: sourceLocation)
        return try #require(response.headers[.location], sourceLocation: sourceLocation)
    }

    /// Starts a process that goes on without its caller, and gives its place in the API.
    func process(_ command: String, in sandbox: String, sourceLocation: SourceLocation = #_sourceLocation) async throws -> String {
        let response = try await send(.post, "\(sandbox)/processes", "{\"command\":[\"\(command)\"],\"detached\":true}")
        #expect(response.status == .created, "\(response.text)", sourceLocation: sourceLocation)
        return try #require(response.headers[.location], sourceLocation: sourceLocation)
    }
}

extension ScriptedProvider {
    /// A provider whose programs are `cat`, `sleep`, `size` and `fail`; every other one says hello.
    static func withPrograms() -> ScriptedProvider {
        let provider = ScriptedProvider()
        provider.behave { behaviour in
            behaviour.scripts = [
                "cat": [.cat, .exit(0)], "echo": [.echoInput, .exit(0)], "sleep": [.output("asleep\n"), .sleep(.seconds(3600)), .exit(0)],
                "size": [.reportSize, .exit(0)], "fail": [.output("out"), .errorOutput("err"), .exit(3)],
                "garbage": [.bytes([0xFF, 0x00]), .exit(0)],
            ]
        }
        return provider
    }
}

extension HTTPFields {
    static let acceptingEvents = HTTPFields(names: ["Accept": "text/event-stream"])
}
