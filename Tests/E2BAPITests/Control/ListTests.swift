import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Listing sandboxes as E2B's SDK asks") struct ListTests {
    private static func ids(_ answer: Answer) throws -> [String] {
        try (answer.json.arrayValue ?? []).compactMap { $0["sandboxID"]?.stringValue }
    }

    @Test func `pages follow each other in either order, and say how many run`() async throws {
        try await TestE2B.scripted { client async throws in
            var made: [String] = []
            for _ in 0..<5 { made.append(try await client.make()) }
            #expect(try await client.ask("POST", "/sandboxes/\(made[0])/pause").status == 204)
            for (order, expected) in [("asc", made), ("desc", Array(made.reversed()))] {
                var found: [String] = []
                var token: String?
                repeat {
                    let next = token.map { "&nextToken=\($0)" } ?? ""
                    let page = try await client.ask("GET", "/v2/sandboxes?limit=2&order=\(order)\(next)")
                    #expect(page.status == 200 && page.headers["x-total-running"] == "4")
                    let ids = try Self.ids(page)
                    #expect(ids.count <= 2)
                    found += ids
                    token = page.headers["x-next-token"]
                } while token != nil
                #expect(found == expected)
            }
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes")) == made.reversed())
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?state=paused")) == [made[0]])
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?state=running%2Cpaused")).count == 5)
            #expect(try Self.ids(try await client.ask("GET", "/sandboxes")) == made[1...].reversed())
        }
    }

    @Test func `labels are found through three layers of escaping`() async throws {
        try await TestE2B.scripted { client async throws in
            let metadata: JSONValue = ["k": "v 1&2", "ü=": "%25+ß"]
            let id = try await client.make(["metadata": metadata])
            _ = try await client.make(["metadata": ["k": "v 1"]])
            // As the SDK writes them.
            for query in ["k%3Dv%2525201%2525262", "k%3Dv%2525201%2525262%26%2525C3%2525BC%25253D%3D%25252525%25252B%2525C3%25259F"] {
                #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?metadata=\(query)")) == [id])
                #expect(try Self.ids(try await client.ask("GET", "/sandboxes?metadata=\(query)")) == [id])
            }
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?metadata=k%3Dnothing")).isEmpty)
            #expect(try await client.ask("GET", "/v2/sandboxes?metadata=k%3D%25zz").status == 400)
        }
    }

    @Test func `templates and times select`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make()
            let other = try await client.make(["templateID": "code-interpreter-v1"])
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?template=base")) == [id])
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?template=code-interpreter-v1")) == [other])
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?template=nosuch")).isEmpty)
            #expect(try await client.ask("GET", "/v2/sandboxes?template=base:v1").status == 400)
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?startedAfter=2020-01-01T00%3A00%3A00%2B00%3A00")).count == 2)
            #expect(try Self.ids(try await client.ask("GET", "/v2/sandboxes?startedAfter=2099-01-01T00%3A00%3A00%2B00%3A00")).isEmpty)
        }
    }

    @Test(
        "what is no query is refused",
        arguments: [
            "limit=0", "limit=101", "limit=x", "state=gone", "order=up", "startedAfter=now", "nextToken=%21", "nextToken=c2J4",
            "template=%20",
        ])
    func refusals(query: String) async throws {
        try await TestE2B.scripted { client async throws in
            let answer = try await client.ask("GET", "/v2/sandboxes?\(query)")
            #expect(answer.status == 400 && answer.message?.isEmpty == false)
        }
    }
}
