import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Snapshots") struct SnapshotTests {
    @Test func `a snapshot keeps what was there, and others start from it`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).test { client in
            let place = try await client.sandbox()
            _ = try await client.send(.put, "\(place)/files?path=note", "kept")
            let taken = try await client.send(.post, "\(place)/snapshots", #"{"name":"with note"}"#)
            #expect(taken.status == .created)
            let snapshot = try #require(SnapshotInfo(json: try taken.json))
            #expect(snapshot.kind == .filesystem && snapshot.name == "with note")
            #expect(taken.headers[.location] == "/v1/snapshots/\(snapshot.id)")
            _ = try await client.send(.put, "\(place)/files?path=note", "changed")
            let other = try await client.sandbox("{\"snapshotId\":\"\(snapshot.id)\"}")
            #expect(try await client.send(.get, "\(other)/files?path=note").text == "kept")
            #expect(try await client.send(.get, other).json["snapshotId"]?.stringValue == snapshot.id.rawValue)

            #expect(try await client.send(.get, "/v1/snapshots/\(snapshot.id)").json == taken.json)
            #expect(try await client.send(.delete, "/v1/snapshots/\(snapshot.id)").status == .noContent)
            #expect(provider.snapshotCount == 0)
            for method in [HTTPRequest.Method.get, .delete] {
                #expect(try await client.send(method, "/v1/snapshots/\(snapshot.id)").problem() == "not-found")
            }
        }
    }

    @Test func `they are listed by sandbox and page by page`() async throws {
        try await TestAPI().test { client in
            let places = [try await client.sandbox(), try await client.sandbox()]
            for index in 0..<4 { _ = try await client.send(.post, "\(places[index % 2])/snapshots", "{\"name\":\"\(index)\"}") }
            func names(_ query: String) async throws -> [String] {
                let json = try await client.send(.get, "/v1/snapshots?\(query)").json
                return (json["snapshots"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue }
            }
            #expect(try await names("") == ["3", "2", "1", "0"])
            let id = try #require(places[0].split(separator: "/").last)
            #expect(try await names("sandboxId=\(id)") == ["2", "0"])
            let next = try #require(try await client.send(.get, "/v1/snapshots?limit=3").json["next"]?.stringValue)
            #expect(try await names("limit=3&before=\(next)") == ["0"])
            #expect(try await client.send(.get, "/v1/snapshots?sandboxId=x").problem() == "invalid-parameter")
        }
    }
}
