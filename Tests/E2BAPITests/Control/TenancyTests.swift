import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Keys and tenants in E2B's dialect") struct TenancyTests {
    @Test func `without a key nothing is told, and health needs none`() async throws {
        try await TestE2B.tenants { red, _ async throws in
            for key in ["", "wrong", "sandstorm_00", "e2b_00"] {
                var stranger = red
                stranger.key = key
                for (method, path) in [
                    ("GET", "/v2/sandboxes"), ("POST", "/v2/sandboxes"), ("GET", "/teams"), ("GET", "/secrets"), ("GET", "/sandboxes/sbx0"),
                ] {
                    let answer = try await stranger.ask(method, path)
                    #expect(answer.status == 401, "\(method) \(path)")
                    #expect(try answer.json["code"] == 401 && answer.message != nil)
                }
            }
            #expect(try await red.live.send("GET", "/e2b/health").status == 204)
            // The same key as old SDKs insist on it, and as a bearer.
            var old = red
            old.key = "e2b_" + red.key.dropFirst("sandstorm_".count)
            #expect(try await old.ask("GET", "/v2/sandboxes").status == 200)
            #expect(try await red.live.send("GET", "/e2b/teams", headers: [("authorization", "Bearer \(red.key)")]).status == 200)
        }
    }

    @Test func `another tenant's things are as good as none`() async throws {
        try await TestE2B.tenants { red, blue async throws in
            let id = try await red.make(["metadata": ["a": "b"]])
            for (method, path, body) in LifeTests.routes(id) {
                #expect(try await blue.ask(method, path, body).status == 404, "\(method) \(path)")
            }
            #expect(try await blue.ask("GET", "/v2/sandboxes/\(id)/logs").status == 404)
            #expect(try await blue.ask("GET", "/v2/sandboxes").json == [])
            #expect(try await blue.ask("GET", "/v2/sandboxes").headers["x-total-running"] == "0")
            #expect(try await blue.ask("GET", "/sandboxes/metrics?sandbox_ids=\(id)").json == ["sandboxes": [:]])
            #expect(try await red.state(of: id) == "running")
            let snapshot = try #require(
                try await red.ask("POST", "/sandboxes/\(id)/snapshots", ["name": "s"]).json["snapshotID"]?.stringValue)
            let bare = try #require(try await red.ask("POST", "/sandboxes/\(id)/snapshots", [:]).json["snapshotID"]?.stringValue)
            #expect(try await blue.ask("GET", "/snapshots").json == [])
            for name in [snapshot, bare, "s"] {
                #expect(try await blue.ask("POST", "/v2/sandboxes", ["templateID": .string(name)]).status == 404)
                let escaped = name.replacing("/", with: "%2F").replacing(":", with: "%3A")
                #expect(try await blue.ask("DELETE", "/templates/\(escaped)").status == 404)
            }
            let secret = try #require(try await red.ask("POST", "/secrets", ["name": "n", "value": "v"]).json["secretID"]?.stringValue)
            let volume = try #require(try await red.ask("POST", "/volumes", ["name": "n"]).json["volumeID"]?.stringValue)
            let team = try #require(try await red.ask("GET", "/teams").json.arrayValue?.first?["teamID"]?.stringValue)
            for path in ["/secrets/\(secret)", "/secrets/n", "/volumes/\(volume)"] {
                #expect(try await blue.ask("GET", path).status == 404)
                #expect(try await blue.ask("DELETE", path).status == 404)
                #expect(try await red.ask("GET", path).status == 200)
            }
            #expect(try await blue.ask("POST", "/secrets/n", ["value": "x"]).status == 404)
            #expect(try await blue.ask("GET", "/secrets").json == [])
            #expect(try await blue.ask("GET", "/volumes").json == [])
            #expect(try await blue.ask("GET", "/teams/\(team)/metrics").status == 403)
            let template = try await red.ask("POST", "/v3/templates", ["name": "t"]).json
            let templateID = try #require(template["templateID"]?.stringValue)
            let build = try #require(template["buildID"]?.stringValue)
            for path in [
                "/templates/\(templateID)", "/templates/t", "/templates/\(templateID)/builds/\(build)/status", "/templates/aliases/t",
                "/templates/\(templateID)/tags",
            ] {
                #expect(try await blue.ask("GET", path).status == 404, "\(path)")
            }
            #expect(try await blue.ask("POST", "/v2/templates/\(templateID)/builds/\(build)", [:]).status == 404)
            #expect(try await blue.ask("DELETE", "/templates/\(templateID)").status == 404)
            #expect(try await blue.ask("PATCH", "/templates/\(templateID)", ["public": true]).status == 404)
            #expect(try await blue.ask("GET", "/v2/templates").json == [])
        }
    }
}
