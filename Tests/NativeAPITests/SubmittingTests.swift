import HTTPTypes
import HummingbirdTesting
import NativeAPI
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Submitting a run") struct SubmittingTests {
    @Test func `the answer is the settled run`() async throws {
        try await TestAPI([ScriptedProvider(script: [.output("out\n"), .errorOutput("err\n"), .exit(3)])]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun)
            #expect(response.status == .ok)
            #expect(response.headers[.contentType] == "application/json")
            let json = try response.json
            #expect(json["state"]?.stringValue == "finished")
            #expect(json["settled"]?.boolValue == true)
            #expect(json["exitCode"]?.intValue == 3)
            #expect(json["stdout"]?.stringValue == "out\n")
            #expect(json["stderr"]?.stringValue == "err\n")
            #expect(json["decision"] != nil)
            #expect(response.headers[.location] == "/v1/runs/\(json["id"]?.stringValue ?? "")")
            let overhead = try #require(HTTPField.Name("Sandstorm-Overhead-Us"))
            #expect((response.headers[overhead].flatMap { Int($0) } ?? 0) > 0)
        }
    }

    @Test func `output that is not UTF-8 is base64`() async throws {
        try await TestAPI([ScriptedProvider(script: [.bytes([0xFF, 0x00]), .exit(0)])]).test { client in
            let json = try await client.send(.post, "/v1/runs", minimalRun).json
            #expect(json["stdoutBase64"]?.stringValue == "/wA=")
        }
    }

    @Test func `a run that failed is a run all the same`() async throws {
        try await TestAPI([ScriptedProvider(script: [.die])]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun)
            #expect(response.status == .ok)
            let json = try response.json
            #expect(json["state"]?.stringValue == "failed")
            #expect(json["error"]?["type"]?.stringValue == "sandboxLost")
        }
    }

    @Test func `a detached run is accepted at once`() async throws {
        try await TestAPI([ScriptedProvider(script: [.sleep(.seconds(60)), .exit(0)])]).test { client in
            let response = try await client.send(.post, "/v1/runs", detachedRun)
            #expect(response.status == .accepted)
            let id = try #require(try response.json["id"]?.stringValue)
            #expect(try response.json["settled"]?.boolValue == false)
            #expect(response.headers[.location] == "/v1/runs/\(id)")
            let shown = try await client.send(.get, "/v1/runs/\(id)")
            #expect(shown.status == .ok)
            #expect(try shown.json["id"]?.stringValue == id)
        }
    }

    @Test(
        "the content type does not matter",
        arguments: ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8", ""])
    func contentType(type: String) async throws {
        try await TestAPI().test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: [.contentType: type])
            #expect(response.status == .ok)
        }
    }

    @Test func `a repeated key is the same run`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let headers = HTTPFields(names: ["Idempotency-Key": "one"])
            let first = try await client.send(.post, "/v1/runs", minimalRun, headers: headers)
            let second = try await client.send(.post, "/v1/runs", minimalRun, headers: headers)
            #expect(try first.json["id"] == second.json["id"])
            #expect(try second.json["stdout"]?.stringValue == "hello\n")
            let replayed = try #require(HTTPField.Name("Idempotency-Replayed"))
            #expect(first.headers[replayed] == nil)
            #expect(second.headers[replayed] == "true")
            let other = try await client.send(.post, "/v1/runs", #"{"spec":{"code":"2","language":"shell"}}"#, headers: headers)
            #expect(other.status == .conflict)
            #expect(try other.problem() == "idempotency-conflict")
        }
        #expect(provider.createCount == 1)
    }

    @Test func `a settled detached run is answered as such when its key comes again`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let headers = HTTPFields(names: ["Idempotency-Key": "one"])
            let id = try await client.send(.post, "/v1/runs", detachedRun, headers: headers).json["id"]?.stringValue ?? ""
            let settled = try await eventually { try await client.send(.get, "/v1/runs/\(id)").json["settled"]?.boolValue == true }
            #expect(settled)
            let again = try await client.send(.post, "/v1/runs", detachedRun, headers: headers)
            #expect(again.status == .ok)
            #expect(try again.json["id"]?.stringValue == id)
        }
    }

    @Test("a key that is none", arguments: ["", "two words", String(repeating: "k", count: 256), "\u{E4}"])
    func badKey(key: String) async throws {
        try await TestAPI().test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: HTTPFields(names: ["Idempotency-Key": key]))
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "invalid-header")
        }
    }

    @Test func `what nothing can run is refused with the decision`() async throws {
        try await TestAPI([]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun)
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "no-offer")
            #expect(try response.json["decision"]?["candidates"]?.arrayValue != nil)
        }
    }

    @Test func `too many runs at once are refused for now`() async throws {
        var configuration = TestGateway.quick
        configuration.maximumActiveRuns = 1
        try await TestAPI([ScriptedProvider(script: [.sleep(.seconds(60)), .exit(0)])], engine: configuration).test { client in
            #expect(try await client.send(.post, "/v1/runs", detachedRun).status == .accepted)
            let response = try await client.send(.post, "/v1/runs", detachedRun)
            #expect(response.status == .tooManyRequests)
            #expect(response.headers[.retryAfter] != nil)
            #expect(try response.problem() == "too-busy")
            #expect(try response.json["retryable"]?.boolValue == true)
        }
    }

    @Test func `a stopping engine takes no runs`() async throws {
        let api = try await TestAPI()
        await api.gateway.engine.shutDown()
        try await api.test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun)
            #expect(response.status == .serviceUnavailable)
            #expect(response.headers[.retryAfter] != nil)
            #expect(try response.problem() == "shutting-down")
            let readiness = try await client.send(.get, "/readyz")
            #expect(readiness.status == .serviceUnavailable)
            #expect(try readiness.problem() == "not-ready")
        }
    }

    @Test func `all problems of a body are told at once, where they are`() async throws {
        try await TestAPI().test { client in
            let response = try await client.send(
                .post, "/v1/runs",
                #"{"spec":{"code":1,"languge":"shell","memory":"much","files":[{"path":"../x","content":""}]},"constraints":{"maxCost":"ten"}}"#
            )
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "invalid-request")
            let errors = try #require(try response.json["errors"]?.arrayValue)
            let pointers = errors.compactMap { $0["pointer"]?.stringValue }
            for pointer in ["/spec/code", "/spec/languge", "/spec/memory", "/spec/files/0/path", "/constraints/maxCost"] {
                #expect(pointers.contains(pointer), "\(pointer)")
            }
            #expect(errors.allSatisfy { $0["detail"]?.stringValue?.isEmpty == false && $0["remedy"]?.stringValue?.isEmpty == false })
            let unknown = errors.first { $0["pointer"]?.stringValue == "/spec/languge" }
            #expect(unknown?["remedy"]?.stringValue?.contains("\"language\"") == true)
        }
    }

    @Test func `a decision runs nothing`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let response = try await client.send(.post, "/v1/decisions", minimalRun)
            #expect(response.status == .ok)
            let candidates = try #require(try response.json["candidates"]?.arrayValue)
            #expect(candidates.first?["kept"]?.boolValue == true)
        }
        #expect(provider.createCount == 0)
        try await TestAPI([]).test { client in
            let response = try await client.send(.post, "/v1/decisions", minimalRun)
            #expect(response.status == .ok)
            #expect(try response.json["candidates"]?.arrayValue?.isEmpty == true)
        }
    }
}
