import HTTPTypes
import HummingbirdTesting
import NIOCore
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Routes") struct RoutingTests {
    private static let absent = RunID.generate().rawValue

    @Test func `a method that a place does not have is told which it has`() async throws {
        try await TestAPI().test { client in
            for endpoint in Endpoint.allCases {
                let path = endpoint.rawValue.replacing("{id}", with: RoutingTests.absent).replacing("{process}", with: "prc")
                    .replacing("{port}", with: "80").replacing("**", with: "x")
                for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"].compactMap({
                    HTTPRequest.Method($0)
                }) {
                    let response = try await client.send(method, path)
                    let isKnown = endpoint.methods.contains(method) || (method == .head && endpoint.methods.contains(.get))
                    #expect((response.status == .methodNotAllowed) == !isKnown, "\(method) \(path)")
                    guard !isKnown else { continue }
                    #expect(response.headers[.allow] == endpoint.allow)
                    if method != .head { #expect(try response.problem() == "method-not-allowed") }
                }
            }
        }
    }

    @Test(
        "places that do not exist",
        arguments: ["/", "/v1", "/v2/runs", "/v1/run", "/v1/runs/a/b/c", "/runs", "/v1/runs/x/event", "/%76%31/runs", "/..%2f"])
    func unknown(path: String) async throws {
        try await TestAPI().test { client async throws in
            let response = try await client.send(.get, path)
            #expect(response.status == .notFound)
            #expect(try response.problem() == "unknown-route")
        }
    }

    @Test(
        "ids that name no run",
        arguments: [
            absent, "x", "run_", "run_short", "RUN_" + absent.dropFirst(4), absent + "0", "sbx_" + absent.dropFirst(4), "%00", "%2e%2e",
            "run_%C3%A4",
            String(repeating: "a", count: 5000), "'%20or%201=1",
        ])
    func noSuchRun(id: String) async throws {
        try await TestAPI().test { client async throws in
            for (method, path) in [(HTTPRequest.Method.get, ""), (.delete, ""), (.get, "/events"), (.get, "/logs")] {
                let response = try await client.send(method, "/v1/runs/\(id)\(path)")
                #expect(response.status == .notFound)
                #expect(try response.problem() == "not-found")
            }
        }
    }

    @Test(
        "query parameters that are wrong",
        arguments: [
            "limits=1", "limit=0", "limit=201", "limit=x", "limit=", "limit=1&limit=2", "limit=99999999999999999999", "state=done",
            "state=finished,done",
            "before=x", "before=", "x", "=1&x=2", "LIMIT=1", "state=%ff",
        ])
    func badQuery(query: String) async throws {
        try await TestAPI().test { client async throws in
            let response = try await client.send(.get, "/v1/runs?\(query)")
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "invalid-parameter")
        }
    }

    @Test func `an unknown parameter is told the nearest name`() async throws {
        try await TestAPI().test { client async throws in
            #expect(try await client.send(.get, "/v1/runs?limt=3").json["detail"]?.stringValue?.contains("\"limit\"") == true)
            #expect(try await client.send(.get, "/v1/runs?state=finishd").json["detail"]?.stringValue?.contains("\"finished\"") == true)
            #expect(try await client.send(.post, "/v1/runs?wait=true", minimalRun).status == .badRequest)
            #expect(try await client.send(.get, "/v1/providers?x=1").status == .badRequest)
        }
    }

    @Test func `HEAD is GET without a body`() async throws {
        try await TestAPI().test { client in
            for path in ["/v1/runs", "/healthz", "/metrics", "/v1/nothing"] {
                let head = try await client.send(.head, path)
                let get = try await client.send(.get, path)
                #expect(head.status == get.status)
                #expect(head.body.readableBytes == 0)
                #expect(head.headers[.contentType] == get.headers[.contentType])
            }
        }
    }

    @Test func `a request keeps its name if it is sane`() async throws {
        let name = try #require(HTTPField.Name("X-Request-Id"))
        try await TestAPI().test { client in
            for path in ["/healthz", "/v1/runs", "/nothing"] {
                let sane = try await client.send(.get, path, headers: [name: "trace-1/a:b"])
                #expect(sane.headers[name] == "trace-1/a:b")
                for insane in ["two words", "\u{E4}", "<script>", "\"", String(repeating: "x", count: 129)] {
                    let response = try await client.send(.get, path, headers: [name: insane])
                    #expect(response.headers[name]?.hasPrefix("req_") == true, "\(insane)")
                }
            }
            let first = try await client.send(.get, "/healthz").headers[name]
            #expect(try await client.send(.get, "/healthz").headers[name] != first)
        }
    }

    @Test func `no answer may be taken for a page`() async throws {
        try await TestAPI().test { client async throws in
            for path in ["/healthz", "/v1/runs", "/nothing"] {
                #expect(try await client.send(.get, path).headers[.xContentTypeOptions] == "nosniff")
            }
        }
    }
}

@Suite("The kinds of problem") struct ProblemKindTests {
    @Test("each has a name in kebab-case, a title and an error's status", arguments: Problem.Kind.allCases)
    func kind(kind: Problem.Kind) {
        #expect(kind.name.allSatisfy { $0.isLowercase || $0 == "-" } && !kind.name.hasPrefix("-") && !kind.name.contains("--"))
        #expect(!kind.title.isEmpty)
        #expect((400..<600).contains(kind.status.code))
        // What a place can't do, and what has no room, is not there later either.
        let isLasting = kind == .unsupported || kind == .diskFull
        #expect(kind.isRetryable == (!isLasting && ([408, 429].contains(kind.status.code) || kind.status.code >= 500)))
    }

    @Test func `names differ`() { #expect(Set(Problem.Kind.allCases.map(\.name)).count == Problem.Kind.allCases.count) }
}

@Suite("What a client accepts") struct AcceptHeaderTests {
    @Test(
        "the liked type is answered",
        arguments: [
            (nil, .json), ("", .json), ("*/*", .json), ("application/json", .json), ("text/event-stream", .eventStream),
            ("TEXT/Event-Stream", .eventStream),
            ("text/*", .eventStream), ("text/html", .json), ("text/event-stream;q=0", .json), ("text/event-stream, */*", .eventStream),
            ("text/event-stream;q=0.5, application/json", .json), ("text/event-stream, application/json;q=0.9", .eventStream),
            ("application/json;q=0.1, text/event-stream;q=0.2", .eventStream), ("*/*, application/json;q=0", .eventStream),
            ("application/json, text/event-stream", .json), ("text/event-stream; charset=utf-8", .eventStream),
            (" text/event-stream ; q=1 ", .eventStream),
            ("text/event-stream;q=nan", .json), ("text/event-stream;q=2", .json), ("/;,,;q=", .json), ("text/event-stream/x", .json),
        ] as [(String?, OfferedType)])
    func best(header: String?, expected: OfferedType) {
        #expect(AcceptHeader(header).best(of: .json, .eventStream) == expected)
    }
}
