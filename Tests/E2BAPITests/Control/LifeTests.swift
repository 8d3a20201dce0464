import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Time, pauses and copies of sandboxes in E2B's dialect") struct LifeTests {
    @Test func `what is killed is gone, for every route`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make()
            #expect(try await client.ask("DELETE", "/sandboxes/\(id)-6532622b").status == 204)
            #expect(try await client.ask("DELETE", "/sandboxes/\(id)").status == 404)
            for id in [id, "nosuch", "sbx00000000000000000000000000", "%2e%2e"] {
                for (method, path, body) in Self.routes(id) {
                    let answer = try await client.ask(method, path, body)
                    #expect(answer.status == 404, "\(method) \(path): \(answer.text)")
                    #expect(try answer.json["code"] == 404 && answer.message != nil)
                }
            }
        }
    }

    static func routes(_ id: String) -> [(String, String, JSONValue?)] {
        [
            ("GET", "/sandboxes/\(id)", nil), ("DELETE", "/sandboxes/\(id)", nil), ("POST", "/v2/sandboxes/\(id)/connect", [:]),
            ("POST", "/sandboxes/\(id)/connect", ["timeout": 10]), ("POST", "/sandboxes/\(id)/resume", [:]),
            ("POST", "/sandboxes/\(id)/pause", nil), ("POST", "/sandboxes/\(id)/timeout", ["timeout": 10]),
            ("POST", "/sandboxes/\(id)/refreshes", ["duration": 10]), ("GET", "/sandboxes/\(id)/metrics", nil),
            ("PUT", "/sandboxes/\(id)/network", [:]), ("POST", "/sandboxes/\(id)/fork", [:]),
            ("POST", "/sandboxes/\(id)/snapshots", [:]),
        ]
    }

    @Test func `a pause stops the time, and connecting starts it anew`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make()
            #expect(try await client.ask("POST", "/sandboxes/\(id)/pause", ["memory": true]).status == 204)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/pause").status == 409)
            #expect(try await client.state(of: id) == "paused")
            #expect(provider.pausedCount == 1)
            let detail = try await client.ask("GET", "/sandboxes/\(id)").json
            #expect(detail["pauseMode"] == "full")
            // It is not in the running set.
            for (path, body) in [("timeout", ["timeout": 10] as JSONValue), ("refreshes", [:])] {
                #expect(try await client.ask("POST", "/sandboxes/\(id)/\(path)", body).status == 404)
            }
            #expect(try await client.ask("PUT", "/sandboxes/\(id)/network", [:]).status == 404)
            let connected = try await client.ask("POST", "/v2/sandboxes/\(id)/connect", [:])
            #expect(try connected.status == 201 && connected.json["sandboxID"] == .string(id))
            #expect(try await client.ask("GET", "/sandboxes/\(id)").json["pauseMode"] == nil)
            #expect(try await client.info(id).leaseUntil.timeIntervalSinceNow < 301)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/resume", [:]).status == 409)
            // Another pause, and the older route.
            #expect(try await client.ask("POST", "/sandboxes/\(id)/pause").status == 204)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/resume", ["timeout": 50, "autoPause": true]).status == 201)
            #expect(try await client.info(id).onLeaseEnd == .pause)
        }
    }

    @Test func `connecting never shortens, and timeouts may`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make(["timeout": 1000])
            let before = try await client.info(id).leaseUntil
            #expect(try await client.ask("POST", "/v2/sandboxes/\(id)/connect", ["timeout": 5]).status == 200)
            #expect(try await client.info(id).leaseUntil == before)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/connect", ["timeout": 5000]).status == 200)
            #expect(try await client.info(id).leaseUntil > before)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/timeout", ["timeout": 100]).status == 204)
            let short = try await client.info(id).leaseUntil
            #expect(short.timeIntervalSinceNow < 101)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/refreshes", ["duration": 0]).status == 204)
            #expect(try await client.info(id).leaseUntil == short)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/refreshes", ["duration": 3600]).status == 204)
            #expect(try await client.info(id).leaseUntil.timeIntervalSinceNow > 3500)
            for (path, body) in [
                ("timeout", ["timeout": -1] as JSONValue), ("timeout", [:]), ("timeout", ["timeout": 86_401]),
                ("refreshes", ["duration": 3601]),
                ("connect", [:]), ("connect", ["timeout": 0]),
            ] { #expect(try await client.ask("POST", "/sandboxes/\(id)/\(path)", body).status == 400) }
        }
    }

    @Test func `a timeout of zero ends a sandbox at once, or pauses it`() async throws {
        try await TestE2B.scripted { client async throws in
            let (killed, paused) = (try await client.make(), try await client.make(["autoPause": true]))
            for id in [killed, paused] { #expect(try await client.ask("POST", "/sandboxes/\(id)/timeout", ["timeout": 0]).status == 204) }
            #expect(try await eventually { try await client.ask("GET", "/sandboxes/\(killed)").status == 404 })
            #expect(try await eventually { try await client.state(of: paused) == "paused" })
        }
    }

    @Test func `files only: processes are ended before the sandbox goes on`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make()
            #expect(try await client.ask("POST", "/sandboxes/\(id)/pause", ["memory": false]).status == 204)
            #expect(try await client.ask("GET", "/sandboxes/\(id)").json["pauseMode"] == "filesystem")
            #expect(provider.commands.isEmpty)
            #expect(try await client.ask("POST", "/v2/sandboxes/\(id)/connect", [:]).status == 201)
            #expect(provider.commands.map { $0.arguments.last } == ["kill -KILL -1"])
        }
    }

    @Test func `what a place can't do is refused, and nothing is pretended`() async throws {
        let provider = ScriptedProvider(
            capabilities: ProviderCapabilities(maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024)))
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make()
            for (method, path, body) in [
                ("POST", "pause", nil as JSONValue?), ("POST", "fork", [:]), ("POST", "snapshots", [:]), ("GET", "metrics", nil),
            ] {
                let answer = try await client.ask(method, "/sandboxes/\(id)/\(path)", body)
                #expect(answer.status == 400 && answer.message?.contains("scripted") == true, "\(path): \(answer.text)")
            }
            #expect(try await client.state(of: id) == "running")
        }
    }

    @Test func `the network of a sandbox that runs is changed, and all that is not said is cleared`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make(["network": ["allowPublicTraffic": false, "denyOut": ["10.0.0.0/8"]]])
            #expect(try await client.ask("PUT", "/sandboxes/\(id)/network", ["denyOut": ["0.0.0.0/0"]]).status == 204)
            #expect(try await client.info(id).spec.network == .none)
            let network = try await client.ask("GET", "/sandboxes/\(id)").json["network"]
            #expect(network?["denyOut"] == ["0.0.0.0/0"] && network?["allowPublicTraffic"] == false)
            #expect(try await client.ask("PUT", "/sandboxes/\(id)/network", [:]).status == 204)
            #expect(try await client.info(id).spec.network == .open)
            #expect(try await client.ask("GET", "/sandboxes/\(id)").json["network"]?["denyOut"] == nil)
        }
    }

    @Test func `a network that can't be changed is left as it is, and the caller is told`() async throws {
        let provider = ScriptedProvider(
            capabilities: ProviderCapabilities(maximum: Resources(milliCPU: 64_000, memoryMiB: 524_288, diskGiB: 1024), openNetwork: true))
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make()
            #expect(try await client.ask("PUT", "/sandboxes/\(id)/network", [:]).status == 204)
            let answer = try await client.ask("PUT", "/sandboxes/\(id)/network", ["denyOut": ["0.0.0.0/0"]])
            #expect(answer.status == 501 && answer.message != nil)
            #expect(try await client.info(id).spec.network == .open)
        }
    }

    @Test func `forks are told one by one`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider) { client async throws in
            let id = try await client.make(["metadata": ["a": "b"], "envVars": ["X": "1"]])
            provider.behave { $0.failures[.fork] = [ProviderError(.noCapacity, "full")] }
            let answer = try await client.ask("POST", "/sandboxes/\(id)/fork", ["count": 3, "timeout": 77])
            #expect(answer.status == 201)
            let results = try #require(try answer.json.arrayValue)
            let forks = results.compactMap { $0["sandbox"]?["sandboxID"]?.stringValue }
            #expect(results.count == 3 && Set(forks).count == 2)
            #expect(results.compactMap { $0["error"]?["code"]?.intValue } == [503])
            let fork = try await client.info(forks[0])
            #expect(fork.spec.timeout == .seconds(77) && fork.spec.metadata == ["a": "b"])
            #expect(try await client.ask("GET", "/sandboxes/\(forks[0])").json["templateID"] == "base")
            #expect(try await client.ask("POST", "/sandboxes/\(id)/fork", ["count": 0]).status == 400)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/fork", ["count": 101]).status == 400)
        }
    }

    @Test func `snapshots are found by id and by name, and sandboxes start from them`() async throws {
        try await TestE2B.scripted { client async throws in
            let id = try await client.make(["envVars": ["X": "1"]])
            let bare = try await client.ask("POST", "/sandboxes/\(id)/snapshots", [:])
            #expect(try bare.status == 201 && bare.json["names"] == [])
            let named = try await client.ask("POST", "/sandboxes/\(id)/snapshots", ["name": "snap"]).json
            let name = try #require(named["snapshotID"]?.stringValue)
            #expect(name.hasSuffix("/snap:default") && named["names"] == [.string(name)])
            #expect(try await client.ask("GET", "/snapshots").json.arrayValue?.count == 2)
            #expect(try await client.ask("GET", "/snapshots?name=snap").json == [named])
            #expect(try await client.ask("GET", "/snapshots?sandboxID=\(id)&limit=1").headers["x-next-token"] != nil)
            #expect(try await client.ask("GET", "/snapshots?sandboxID=other").json == [])
            for template in [name, "snap", try #require(try bare.json["snapshotID"]?.stringValue)] {
                let made = try await client.make(["templateID": .string(template), "envVars": ["Y": "2"]])
                let info = try await client.info(made)
                #expect(info.snapshot != nil && info.spec.environment == ["X": "1", "Y": "2"])
            }
            let escaped = name.replacing("/", with: "%2F").replacing(":", with: "%3A")
            #expect(try await client.ask("DELETE", "/templates/\(escaped)").status == 204)
            #expect(try await client.ask("DELETE", "/templates/\(escaped)").status == 404)
            #expect(try await client.ask("GET", "/snapshots").json.arrayValue?.count == 1)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/snapshots", ["name": "a b"]).status == 400)
            #expect(try await client.ask("POST", "/sandboxes/\(id)/snapshots", ["name": "stranger/a"]).status == 400)
        }
    }
}
