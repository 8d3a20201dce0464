import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Templates in E2B's dialect") struct TemplateTests {
    /// Asks for a build and waits until it has ended; says its status with the whole log.
    private static func build(
        _ client: ControlClient, _ name: String, _ body: JSONValue, request: JSONObject = [:],
        files: @Sendable (_ templateID: String) async throws -> Void = { _ in }
    ) async throws -> (status: JSONValue, lines: [String], templateID: String) {
        var request = request
        request["name"] = .string(name)
        let asked = try await client.ask("POST", "/v3/templates", .object(request))
        try #require(asked.status == 202, "\(asked.text)")
        let template = try #require(try asked.json["templateID"]?.stringValue)
        let build = try #require(try asked.json["buildID"]?.stringValue)
        try await files(template)
        let begun = try await client.ask("POST", "/v2/templates/\(template)/builds/\(build)", body)
        try #require(begun.status == 202, "\(begun.text)")
        #expect(try await client.ask("POST", "/v2/templates/\(template)/builds/\(build)", body).status == 400)
        var lines: [String] = []
        var status = JSONValue.null
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            status = try await client.ask("GET", "/templates/\(template)/builds/\(build)/status?logsOffset=\(lines.count)&limit=100").json
            let entries = status["logEntries"]?.arrayValue ?? []
            lines += entries.compactMap { $0["message"]?.stringValue }
            if ["ready", "error"].contains(status["status"]?.stringValue), entries.isEmpty { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        return (status, lines, template)
    }

    @Test func `a template is built step by step, found by its names and tags, and removed`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider) { client async throws in
            let steps: JSONValue = [
                ["type": "ENV", "args": ["A", "1"]], ["type": "WORKDIR", "args": ["/app"]], ["type": "USER", "args": ["root"]],
                ["type": "RUN", "args": ["make"]],
            ]
            let body: JSONValue = ["fromTemplate": "base", "steps": steps, "startCmd": "serve", "readyCmd": "probe"]
            let built = try await Self.build(client, "app:v1", body, request: ["cpuCount": 1, "memoryMB": 512, "tags": ["default"]])
            #expect(built.status["status"] == "ready" && built.status["reason"] == nil)
            #expect(built.lines.contains("hello") && built.lines.last == "Build finished")
            #expect(provider.commands.contains { $0.arguments.last == "make" && $0.user == "root" && $0.workingDirectory == "/app" })
            #expect(provider.livingCount == 0)
            let first = try await client.make(["templateID": "app:v1", "envVars": ["B": "2"]])
            let info = try await client.info(first)
            #expect(info.spec.environment == ["A": "1", "B": "2"] && info.snapshot != nil && info.spec.cpu == 1 && info.spec.memory == 512)
            #expect(provider.commands.suffix(2).map { $0.arguments.last } == ["serve", "probe"])
            #expect(provider.commands.last?.workingDirectory == "/app")
            #expect(try await client.ask("GET", "/sandboxes/\(first)").json["templateID"] == .string(built.templateID))
            #expect(try await client.ask("GET", "/v2/sandboxes?template=app").json.arrayValue?.count == 1)
            // The snapshot is the template's own affair.
            #expect(try await client.ask("GET", "/snapshots").json == [])

            let detail = try await client.ask("GET", "/templates/app").json
            #expect(detail["templateID"] == .string(built.templateID) && detail["buildStatus"] == "ready" && detail["spawnCount"] == 1)
            #expect(detail["builds"]?.arrayValue?.count == 1 && detail["aliases"] == ["app"] && detail["public"] == false)
            #expect(try await client.ask("GET", "/templates/aliases/app").json["templateID"] == .string(built.templateID))
            #expect(try await client.ask("GET", "/templates/aliases/nosuch").status == 404)

            let tagged = try await client.ask("POST", "/templates/tags", ["target": "app:v1", "tags": ["prod"]])
            #expect(try tagged.status == 201 && tagged.json["tags"] == ["prod"])
            #expect(try await client.ask("GET", "/templates/app/tags").json.arrayValue?.count == 3)
            #expect(try await client.ask("GET", "/templates/app/tags/exists?tag=prod").json["exists"] == true)
            _ = try await client.make(["templateID": "app:prod"])
            #expect(try await client.ask("DELETE", "/templates/tags", ["name": "app", "tags": ["prod"]]).status == 204)
            #expect(try await client.ask("DELETE", "/templates/tags", ["name": "app", "tags": ["prod"]]).status == 404)
            #expect(try await client.ask("POST", "/v2/sandboxes", ["templateID": "app:prod"]).status == 404)

            // The same again is not done again; forced it is.
            let again = try await Self.build(client, "app", body)
            #expect(again.lines.contains { $0.hasPrefix("CACHED") } && again.templateID == built.templateID)
            var forced = try #require(body.objectValue)
            forced["force"] = true
            let anew = try await Self.build(client, "app", .object(forced))
            #expect(!anew.lines.contains { $0.hasPrefix("CACHED") })
            #expect(provider.snapshotCount == 2)

            #expect(try await client.ask("DELETE", "/templates/app").status == 204)
            #expect(provider.snapshotCount == 0)
            #expect(try await client.ask("GET", "/templates/app").status == 404)
            #expect(try await client.ask("DELETE", "/templates/\(built.templateID)").status == 404)
            #expect(try await client.state(of: first) == "running")
        }
    }

    @Test func `a step that fails ends the build, with its number and reason`() async throws {
        let provider = ScriptedProvider(script: [.output("oh no\n"), .exit(3)])
        try await TestE2B.scripted(provider) { client async throws in
            let steps: JSONValue = [
                ["type": "ENV", "args": ["A", "1"]], ["type": "RUN", "args": ["make"]], ["type": "RUN", "args": ["never"]],
            ]
            let built = try await Self.build(client, "bad", ["fromTemplate": "base", "steps": steps])
            #expect(built.status["status"] == "error" && built.status["reason"]?["step"] == "2")
            #expect(built.status["reason"]?["message"]?.stringValue?.contains("exit status 3") == true)
            #expect(built.lines.contains("oh no"))
            #expect(provider.livingCount == 0 && provider.snapshotCount == 0)
            #expect(try await client.ask("POST", "/v2/sandboxes", ["templateID": "bad"]).status == 404)
            let missing = try await Self.build(client, "worse", ["fromTemplate": "nosuch", "steps": steps])
            #expect(missing.status["reason"]?["step"] == "base")
        }
    }

    @Test func `a template without steps is what it is made of`() async throws {
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider) { client async throws in
            let built = try await Self.build(client, "plain", ["fromImage": "debian:12", "steps": []])
            #expect(built.status["status"] == "ready" && provider.createCount == 0)
            let info = try await client.info(try await client.make(["templateID": "plain"]))
            #expect(info.spec.image == "debian:12" && info.snapshot == nil)
            #expect(try await client.ask("PATCH", "/v2/templates/plain", ["public": true]).status == 200)
            #expect(try await client.ask("GET", "/templates/plain").json["public"] == true)
        }
    }

    @Test(
        "what can't be built is refused",
        arguments: [
            #"{"fromImage": "a", "fromTemplate": "b"}"#, #"{"fromImage": "a", "fromImageRegistry": {"type": "registry"}}"#,
            #"{"steps": [{"type": "FLY"}]}"#, #"{"steps": [{"type": "RUN"}]}"#, #"{"steps": [{"type": "ENV", "args": ["a"]}]}"#,
            #"{"steps": [{"type": "COPY", "args": ["a", "b"]}]}"#,
            #"{"steps": [{"type": "COPY", "args": ["a", "b"], "filesHash": "../x"}]}"#,
            #"{"steps": 1}"#,
        ])
    func refusals(body: String) async throws {
        try await TestE2B.scripted { client async throws in
            let asked = try await client.ask("POST", "/v3/templates", ["name": "t"]).json
            let path =
                "/v2/templates/\(try #require(asked["templateID"]?.stringValue))/builds/\(try #require(asked["buildID"]?.stringValue))"
            let answer = try await client.live.send("POST", "/e2b" + path, .bytes(.init(string: body)))
            #expect(answer.status == 400, "\(answer.text)")
        }
    }

    @Test func `names that are taken, foreign or none are refused`() async throws {
        try await TestE2B.scripted { client async throws in
            #expect(try await client.ask("POST", "/v3/templates", ["name": "base"]).status == 409)
            #expect(try await client.ask("POST", "/v3/templates", ["name": "stranger/a"]).status == 403)
            for body in [[:], ["name": "a b"], ["name": "a", "cpuCount": 0], ["name": "a", "tags": ["a b"]]] as [JSONValue] {
                #expect(try await client.ask("POST", "/v3/templates", body).status == 400)
            }
            #expect(try await client.ask("DELETE", "/templates/base").status == 403)
            #expect(try await client.ask("GET", "/default-templates").json.arrayValue?.count == 2)
        }
    }

    @Test func `files are sent once, and only with the link`() async throws {
        try await TestE2B.scripted { client async throws in
            let template = try #require(try await client.ask("POST", "/v3/templates", ["name": "t"]).json["templateID"]?.stringValue)
            let hash = String(repeating: "a", count: 64)
            let link = try await client.ask("GET", "/templates/\(template)/files/\(hash)")
            #expect(try link.status == 201 && link.json["present"] == false)
            let url = try #require(try link.json["url"]?.stringValue)
            let path = String(url.dropFirst(client.live.url.count))
            #expect(url.hasPrefix(client.live.url + "/e2b/"))
            #expect(
                try await client.live.send("PUT", String(path.dropLast()) + (path.last == "0" ? "1" : "0"), .bytes(.init(string: "x")))
                    .status == 401)
            #expect(try await client.live.send("PUT", path, .bytes(.init(repeating: 7, count: 3_000_000))).status == 200)
            #expect(try await client.ask("GET", "/templates/\(template)/files/\(hash)").json["present"] == true)
            for wrong in ["x", "..%2f..%2fetc", String(repeating: "A", count: 64)] {
                #expect(try await client.ask("GET", "/templates/\(template)/files/\(wrong)").status == 400)
            }
        }
    }

    @Test(.enabled(if: LocalMachine.canRun && LocalMachine.isRoot, LocalMachine.why))
    func `in real sandboxes, steps are taken as root and as the user, and files land where they belong`() async throws {
        try await TestE2B.local { live async throws in
            let client = ControlClient(live: live)
            let hash = String(repeating: "b", count: 64)
            let archive = try #require(Data(base64Encoded: Self.archive))
            let steps: JSONValue = [
                ["type": "WORKDIR", "args": ["/home/user/app"]],
                ["type": "COPY", "args": ["a.txt", ".", "", ""], "filesHash": .string(hash)],
                ["type": "COPY", "args": ["a.txt", "/opt/b.txt", "root", "0600"], "filesHash": .string(hash)],
                ["type": "COPY", "args": ["dir", "d", "", ""], "filesHash": .string(hash)],
                ["type": "RUN", "args": ["echo made by $(id -un) > /etc/made", "root"]], ["type": "RUN", "args": ["id -un > who"]],
            ]
            let built = try await Self.build(client, "real", ["fromImage": "e2bdev/base", "steps": steps]) { template in
                let link = try await client.ask("GET", "/templates/\(template)/files/\(hash)").json
                let path = try #require(link["url"]?.stringValue).dropFirst(live.url.count)
                #expect(try await live.send("PUT", String(path), .bytes(.init(bytes: archive))).status == 200)
            }
            try #require(built.status["status"] == "ready", "\(built.status) \(built.lines)")
            let id = try await client.make(["templateID": "real"])
            let sandbox = try await client.info(id).id
            let line = "cat /etc/made who a.txt d/x.txt; stat -c '%U %a' /opt/b.txt"
            let request = ProcessRequest(Command(["/bin/sh", "-c", line], workingDirectory: "/home/user/app"))
            let process = try await live.engine.startProcess(request, in: sandbox, for: .local)
            var output: [UInt8] = []
            for try await event in process.events { if case .stdout(let bytes) = event.body { output += bytes } }
            #expect(String(decoding: output, as: UTF8.self) == "made by root\nuser\nhello\nx\nroot 600\n")
        }
    }

    /// `a.txt` with `hello` and `dir/x.txt` with `x`, as tar makes it.
    private static let archive =
        "H4sIAGzwAWsC/+3VMQoCMRCF4ak9xZ5A4zKTOc+CgsKCsEbI8Y0pU2iVgOz/NQNJkWJ4L8sx5SR9hSKq1lm083MrZ7VZ3YPW8+hRZQoywOuZlq08Kft0u67r4yDYqct9O8mA/LvZl/yHNv8WTSYj/0P2nzv/Ab/7f27273X/9H9/me4HAAAAAAAAAAAAAODvvQFYYjitACgAAA=="
}
