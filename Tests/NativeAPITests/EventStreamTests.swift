import AsyncHTTPClient
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NIOHTTP1
import NativeAPI
import SandstormCore
import SandstormServer
import SandstormTestSupport
import SandstormWire
import Testing

@Suite("Event streams") struct EventStreamTests {
    private static let accept = HTTPFields(names: ["Accept": "text/event-stream"])

    private func events(_ response: TestResponse) throws -> [RunEvent] {
        #expect(response.headers[.contentType] == "text/event-stream")
        var decoder = ServerSentEventDecoder()
        return try decoder.decode(response.body).map { event in
            let data = try JSONValue(parsing: event.data)
            let sequence = try #require(event.id.flatMap { Int($0) })
            return try #require(RunEvent(sequence: sequence, name: event.name ?? "", data: data))
        }
    }

    /// The event's data without its instants, which the store keeps to the millisecond only.
    private func timeless(_ event: RunEvent) -> JSONValue? {
        var data = event.data.objectValue
        data?["time"] = nil
        data?["createdAt"] = nil
        return data.map(JSONValue.object)
    }

    @Test func `a run tells its life from accepted to settled`() async throws {
        try await TestAPI([ScriptedProvider(script: [.output("a\nb\n"), .errorOutput("c"), .exit(0)])]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: EventStreamTests.accept)
            #expect(response.status == .ok)
            let events = try events(response)
            #expect(events.map(\.name) == ["accepted", "decision", "started", "stdout", "stderr", "exited", "settled"])
            #expect(events.map(\.sequence) == Array(1...7))
            #expect(events[3].body == .stdout(Array("a\nb\n".utf8)))
        }
    }

    @Test func `data is one line of JSON`() async throws {
        try await TestAPI([ScriptedProvider(script: [.output("a\r\nb\u{2028}\n\0\n"), .exit(0)])]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: EventStreamTests.accept)
            // On a slow machine there may be heartbeats in between.
            for block in response.text.split(separator: "\n\n") where !block.hasPrefix(":") {
                let lines = block.split(separator: "\n", omittingEmptySubsequences: false)
                #expect(lines.count == 3)
                #expect(zip(lines, ["id: ", "event: ", "data: "]).allSatisfy { $0.hasPrefix($1) })
            }
        }
    }

    @Test func `a stream resumes after any event`() async throws {
        try await TestAPI([ScriptedProvider(script: [.output("a"), .output("b"), .output("c"), .exit(0)])]).test { client in
            let headers = HTTPFields(names: ["Accept": "text/event-stream", "Idempotency-Key": "k"])
            let all = try events(try await client.send(.post, "/v1/runs", minimalRun, headers: headers))
            guard case .accepted(let id) = all[0].body else { throw CancellationError() }
            for position in 0...all.count {
                let resumed = HTTPFields(
                    names: ["Accept": "text/event-stream", "Idempotency-Key": "k", "Last-Event-ID": "\(position)"])
                let rest = Array(all[position...])
                #expect(
                    try events(try await client.send(.post, "/v1/runs", minimalRun, headers: resumed)).map(\.sequence)
                        == rest.map(\.sequence))
                #expect(try events(try await client.send(.get, "/v1/runs/\(id)", headers: resumed)).map(\.sequence) == rest.map(\.sequence))
                let followed = try events(try await client.send(.get, "/v1/runs/\(id)/events", headers: resumed))
                #expect(followed.map(timeless) == rest.map(timeless))
            }
        }
    }

    @Test("a position that is none", arguments: ["x", "-1", "+1", "1.5", "99999999999999999999"])
    func badPosition(position: String) async throws {
        try await TestAPI().test { client in
            let id = try await client.settledRun()
            let response = try await client.send(.get, "/v1/runs/\(id)/events", headers: HTTPFields(names: ["Last-Event-ID": position]))
            #expect(response.status == .badRequest)
            #expect(try response.problem() == "invalid-header")
        }
    }

    @Test func `refusals come before the stream, as problems`() async throws {
        try await TestAPI([]).test { client in
            let response = try await client.send(.post, "/v1/runs", minimalRun, headers: EventStreamTests.accept)
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "no-offer")
        }
    }

    @Test func `the first events come at once, and a quiet stream shows that it lives`() async throws {
        var api = try await TestAPI([ScriptedProvider(script: [.sleep(.seconds(60)), .exit(0)])])
        api.configuration.heartbeatInterval = .milliseconds(20)
        let configured = api
        try await configured.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/runs", minimalRun, headers: "Accept: text/event-stream\r\n")
                #expect(await connection.read(until: "event: started").contains("id: 1\nevent: accepted\ndata: {\"id\":\"run_"))
                #expect(await connection.read(until: ": heartbeat\n\n").contains(": heartbeat\n\n"))
            }
        }
    }

    @Test func `megabytes arrive whole and in order`() async throws {
        let lines = (0..<3000).map { "\($0) \(String(repeating: "x", count: 1000))\n" }
        let script = lines.map { ScriptedProvider.Step.output($0) } + [.exit(0)]
        try await TestAPI([ScriptedProvider(script: script)]).serve { server in
            try await HTTPClient.withHTTPClient { client in
                var request = HTTPClientRequest(url: "\(server.url)/v1/runs")
                request.method = .POST
                request.headers.add(name: "Accept", value: "text/event-stream")
                request.body = .bytes(ByteBuffer(string: minimalRun))
                let response = try await client.execute(request, timeout: .seconds(60))
                var decoder = ServerSentEventDecoder()
                var output: [UInt8] = []
                var names: Set<String> = []
                for try await part in response.body {
                    for event in try decoder.decode(part) {
                        names.insert(event.name ?? "")
                        if event.name == "stdout" { output += try JSONValue(parsing: event.data).objectValue?.bytes("data") ?? [] }
                    }
                }
                #expect(output == Array(lines.joined().utf8))
                #expect(names.contains("settled"))
            }
        }
    }
}
