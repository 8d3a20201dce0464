import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Living sandboxes") struct SandboxLifeTests {
    @Test("one is made without saying anything", arguments: [nil, "", "{}", #"{"spec":{}}"#])
    func defaults(body: String?) async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let response = try await client.send(.post, "/v1/sandboxes", body)
            #expect(response.status == .created)
            let sandbox = try #require(SandboxInfo(json: try response.json))
            #expect(sandbox.state == .running)
            #expect(response.headers[.location] == "/v1/sandboxes/\(sandbox.id)")
            #expect(provider.livingCount == 1)
        }
    }

    @Test func `it is shown, renewed, frozen, thawed and ended`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let place = try await client.sandbox(#"{"spec":{"timeout":60000,"metadata":{"team":"a b"}}}"#)
            let first = try #require(SandboxInfo(json: try await client.send(.get, place).json))
            #expect(first.spec.metadata == ["team": "a b"])
            let renewed = try #require(SandboxInfo(json: try await client.send(.patch, place, #"{"timeout":3600000}"#).json))
            #expect(renewed.leaseUntil > first.leaseUntil)
            for _ in 0..<2 {
                #expect(try await client.send(.post, "\(place)/pause").json["state"]?.stringValue == "paused")
            }
            #expect(provider.pausedCount == 1)
            for _ in 0..<2 {
                #expect(try await client.send(.post, "\(place)/resume").json["state"]?.stringValue == "running")
            }
            #expect(try await client.send(.get, "\(place)/usage").status == .ok)
            for _ in 0..<2 {
                let ended = try await client.send(.delete, place)
                #expect(ended.status == .ok)
                #expect(try ended.json["state"]?.stringValue == "ended")
            }
            #expect(provider.livingCount == 0)
            #expect(try await client.send(.get, place).json["state"]?.stringValue == "ended")
            let late = try await client.send(.post, "\(place)/pause")
            #expect(late.status == .gone)
            #expect(try late.problem() == "sandbox-ended")
        }
    }

    @Test func `a fork is a sandbox of its own`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let place = try await client.sandbox(#"{"spec":{"metadata":{"a":"1"}}}"#)
            _ = try await client.send(.put, "\(place)/files?path=note", "kept")
            let response = try await client.send(.post, "\(place)/fork", #"{"metadata":{"b":"2"}}"#)
            #expect(response.status == .created)
            let fork = try #require(SandboxInfo(json: try response.json))
            #expect(fork.spec.metadata == ["b": "2"])
            #expect("/v1/sandboxes/\(try #require(fork.parent))" == place)
            let copy = try #require(response.headers[.location])
            _ = try await client.send(.put, "\(copy)/files?path=note", "changed")
            #expect(try await client.send(.get, "\(place)/files?path=note").text == "kept")
            #expect(provider.livingCount == 2)
        }
    }

    @Test func `a key that comes again leads to the same sandbox`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let headers = HTTPFields(names: ["Idempotency-Key": "one"])
            let first = try await client.send(.post, "/v1/sandboxes", "{}", headers: headers)
            let second = try await client.send(.post, "/v1/sandboxes", "{}", headers: headers)
            #expect(first.status == .created)
            #expect(second.status == .ok)
            #expect(second.headers[.idempotencyReplayed] == "true")
            #expect(try first.json["id"] == second.json["id"])
            let other = try await client.send(.post, "/v1/sandboxes", #"{"spec":{"memory":512}}"#, headers: headers)
            #expect(try other.problem() == "idempotency-conflict")
            #expect(provider.createCount == 1)
        }
    }

    @Test func `a list is selected by state and labels, and read page by page`() async throws {
        try await TestAPI().test { client in
            for index in 0..<5 {
                let place = try await client.sandbox("{\"spec\":{\"metadata\":{\"team a\":\"\(index % 2)\",\"n\":\"\(index)\"}}}")
                if index == 4 { _ = try await client.send(.delete, place) }
            }
            func numbers(_ query: String) async throws -> [String] {
                let json = try await client.send(.get, "/v1/sandboxes?\(query)").json
                return (json["sandboxes"]?.arrayValue ?? []).compactMap { $0["metadata"]?["n"]?.stringValue }
            }
            #expect(try await numbers("") == ["4", "3", "2", "1", "0"])
            #expect(try await numbers("state=running") == ["3", "2", "1", "0"])
            #expect(try await numbers("state=ended,paused") == ["4"])
            #expect(try await numbers("metadata.team%20a=0") == ["4", "2", "0"])
            #expect(try await numbers("metadata.team+a=0&metadata.n=2") == ["2"])
            let page = try await client.send(.get, "/v1/sandboxes?limit=2").json
            let next = try #require(page["next"]?.stringValue)
            #expect(try await numbers("limit=2&before=\(next)") == ["2", "1"])
            #expect(try await client.send(.get, "/v1/sandboxes?limit=5").json["next"] == nil)
        }
    }

    @Test(
        "bodies that can't be right",
        arguments: [
            ("", #"{"spec":{"code":"1"}}"#, "/spec/code"), ("", #"{"snapshotId":"snp_1"}"#, "/snapshotId"),
            ("", #"{"specs":{}}"#, "/specs"), ("PATCH", #"{}"#, "/timeout"), ("PATCH", #"{"timeout":999}"#, "/timeout"),
            ("PATCH", #"{"timeout":86400001}"#, "/timeout"), ("PATCH", #"{"timeout":"1"}"#, "/timeout"), ("PATCH", "[]", ""),
            ("fork", #"{"timeout":1}"#, "/timeout"), ("fork", #"{"metadata":{"":"x"}}"#, "/metadata/"), ("fork", #"{"meta":1}"#, "/meta"),
            ("snapshots", #"{"kind":"disk"}"#, "/kind"), ("snapshots", #"{"name":""}"#, "/name"),
        ])
    func badBodies(route: String, body: String, pointer: String) async throws {
        try await TestAPI().test { client async throws in
            let place = try await client.sandbox()
            let response =
                switch route {
                case "": try await client.send(.post, "/v1/sandboxes", body)
                case "PATCH": try await client.send(.patch, place, body)
                default: try await client.send(.post, "\(place)/\(route)", body)
                }
            #expect(response.status == .unprocessableContent)
            #expect(try response.problem() == "invalid-request")
            #expect(try response.json["errors"]?.arrayValue?.compactMap { $0["pointer"]?.stringValue } == [pointer])
        }
    }

    @Test func `another tenant's sandbox does not exist, whatever is asked of it`() async throws {
        try await TestAPI().test { client async throws in
            for id in [SandboxID.generate().rawValue, "sbx_", "x", RunID.generate().rawValue, "%00"] {
                for (method, path, body) in [
                    (HTTPRequest.Method.get, "", nil), (.patch, "", #"{"timeout":1000}"#), (.delete, "", nil), (.post, "/pause", nil),
                    (.post, "/resume", nil), (.post, "/fork", nil), (.get, "/usage", nil), (.post, "/snapshots", nil),
                    (.get, "/processes", nil), (.post, "/processes", #"{"command":["x"]}"#), (.get, "/files?path=x", nil),
                    (.head, "/files?path=x", nil), (.put, "/files?path=x", "x"), (.get, "/files/info?path=x", nil),
                    (.put, "/files/archive?path=x", "x"),
                ] as [(HTTPRequest.Method, String, String?)] {
                    let response = try await client.send(method, "/v1/sandboxes/\(id)\(path)", body)
                    #expect(response.status == .notFound, "\(method) \(path)")
                }
            }
        }
    }

    @Test func `a caller who leaves while its sandbox is made has none`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createDelay = .seconds(30) }
        let api = try await TestAPI([provider])
        try await api.serve { server in
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.post("/v1/sandboxes", "{}")
                #expect(await eventually { provider.createCount == 1 })
                try await connection.close()
            }
            let hasEnded = try await eventually {
                try await api.gateway.engine.sandboxes(.init(), for: .local).map(\.state) == [.ended] && provider.livingCount == 0
            }
            #expect(hasEnded)
        }
    }

    @Test func `what nothing can take is refused with the decision`() async throws {
        try await TestAPI([]).test { client in
            let response = try await client.send(.post, "/v1/sandboxes")
            #expect(try response.problem() == "no-offer")
            #expect(try response.json["decision"]?["candidates"]?.arrayValue != nil)
        }
    }
}
