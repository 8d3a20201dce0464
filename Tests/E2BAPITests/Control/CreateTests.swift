import AsyncHTTPClient
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@testable import E2BAPI

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Making sandboxes as E2B's SDK asks for them") struct CreateTests {
    @Test func `a sandbox is made with all that was asked for`() async throws {
        try await TestE2B.scripted { client async throws in
            let body: JSONValue = [
                "templateID": "base", "timeout": 120, "metadata": ["k": "v"], "envVars": ["A": "1"], "autoPause": true,
                "autoResume": ["enabled": true], "allow_internet_access": false,
                "network": [
                    "allowOut": ["1.1.1.1", "*.pypi.org"], "denyOut": ["0.0.0.0/0"], "allowPublicTraffic": false,
                    "maskRequestHost": "localhost:${PORT}", "httpsPorts": [8443],
                ],
            ]
            let made = try await client.ask("POST", "/v2/sandboxes", body)
            #expect(made.status == 201)
            let json = try made.json
            let id = try #require(json["sandboxID"]?.stringValue)
            #expect(id.allSatisfy { $0.isASCII && ($0.isLowercase || $0.isNumber) })
            #expect(json["templateID"] == "base" && json["alias"] == "base" && json["clientID"]?.stringValue != nil)
            #expect(json["envdVersion"] == "0.6.13" && json["domain"] == .null)
            #expect(json["envdAccessToken"]?.stringValue?.count == 64 && json["trafficAccessToken"]?.stringValue?.count == 64)
            let info = try await client.info(id)
            #expect(info.spec.environment == ["A": "1"] && info.spec.metadata == ["k": "v"] && info.onLeaseEnd == .pause)
            #expect(info.spec.network == .allow(["1.1.1.1", "*.pypi.org"]))
            #expect(info.spec.rootAccess && info.spec.memory == 512 && info.spec.cpu == 2)
            #expect(abs(info.leaseUntil.timeIntervalSince(info.createdAt) - 120) < 30)
            let detail = try await client.ask("GET", "/sandboxes/\(id)").json
            #expect(detail["lifecycle"] == ["autoResume": true, "onTimeout": "pause"])
            #expect(detail["allowInternetAccess"] == false && detail["network"]?["allowPublicTraffic"] == false)
            #expect(detail["metadata"] == ["k": "v"] && detail["state"] == "running" && detail["pauseMode"] == nil)
            #expect(detail["cpuCount"] == 2 && detail["memoryMB"] == 512)
            #expect(detail["envdAccessToken"] == json["envdAccessToken"])
            #expect(detail["startedAt"]?.stringValue.flatMap(Date.init(rfc3339:)) != nil)
        }
    }

    @Test func `what is not said has the vendor's defaults, which differ by version`() async throws {
        try await TestE2B.scripted { client async throws in
            for (path, seconds) in [("/v2/sandboxes", 300.0), ("/sandboxes", 15.0)] {
                let made = try await client.ask("POST", path, ["templateID": "base", "secure": false])
                #expect(made.status == 201)
                let json = try made.json
                #expect(json["envdAccessToken"]?.stringValue?.isEmpty == false && json["trafficAccessToken"] == .null)
                let info = try await client.info(try #require(json["sandboxID"]?.stringValue))
                #expect(info.spec.timeout == .seconds(seconds) && info.onLeaseEnd == .kill)
                #expect(info.spec.network == .open && info.spec.rootAccess)
            }
        }
    }

    @Test(
        "what can't be is refused with the reason",
        arguments: [
            ("{}", "templateID"), ("[]", "object"), (#"{"templateID": ""}"#, "templateID"), (#"{"templateID": 7}"#, "templateID"),
            (#"{"templateID": "base", "timeout": 0}"#, "greater than 0"), (#"{"templateID": "base", "timeout": -1}"#, "greater than 0"),
            (#"{"templateID": "base", "timeout": 86401}"#, "greater than 24 hours"),
            (#"{"templateID": "base", "timeout": 1.5}"#, "timeout"),
            (#"{"templateID": "base", "metadata": {"a": 1}}"#, "metadata/a"),
            (#"{"templateID": "base", "envVars": {"a=b": "1"}}"#, "envVars"),
            (#"{"templateID": "base", "autoPauseMemory": false}"#, "autoPause"),
            (#"{"templateID": "base", "autoPause": true, "autoPauseMemory": false, "autoResume": {"enabled": true}}"#, "autoResume"),
            (#"{"templateID": "base", "network": {"allowOut": ["a.com"]}}"#, "0.0.0.0/0"),
            (#"{"templateID": "base", "network": {"denyOut": ["a.com"]}}"#, "denyOut"),
            (#"{"templateID": "base", "network": {"allowOut": ["10.0.0.0/33"]}}"#, "allowOut"),
            (#"{"templateID": "base", "network": {"dnsServers": ["x"]}}"#, "dnsServers"),
            (#"{"templateID": "base", "network": {"httpsPorts": [49983]}}"#, "envd"),
            (#"{"templateID": "base", "network": {"rules": {"a.com": [{"transform": {}}]}}}"#, "rules"),
            (#"{"templateID": "base", "iam": {"tokens": {"a": {"audience": "b", "tokenType": "JWT-SVID"}}}}"#, "identity"),
            (#"{"templateID": "base", "volumeMounts": [{"name": "a", "path": "/b"}]}"#, "mounted"),
            (#"{"templateID": "a b"}"#, "template name"), ("{", "JSON"),
        ])
    func refusals(body: String, word: String) async throws {
        try await TestE2B.scripted { client async throws in
            let answer = try await client.live.send("POST", "/e2b/v2/sandboxes", .bytes(.init(string: body)))
            #expect(answer.status == 400, "\(answer.text)")
            #expect(answer.message?.contains(word) == true, "\(answer.text)")
            #expect(try answer.json["code"] == 400)
        }
    }

    @Test func `denying some addresses leaves the others, but for those allowed in so many words`() async throws {
        try await TestE2B.scripted { client async throws in
            let network: JSONValue = ["denyOut": ["128.0.0.0/1", "::/0"], "allowOut": ["200.1.2.3"]]
            let info = try await client.info(try await client.make(["network": network]))
            #expect(info.spec.network == .deny(["128.0.0.0/1", "::/0"], allow: ["200.1.2.3"]))
            let open = try await client.info(try await client.make(["network": ["allowOut": ["1.1.1.1"]]]))
            #expect(open.spec.network == .open)
            let closed = try await client.info(try await client.make(["network": ["denyOut": ["0.0.0.0/0"]]]))
            #expect(closed.spec.network == .none)
        }
    }

    @Test func `an egress proxy is not enabled, and an unknown template is not found`() async throws {
        try await TestE2B.scripted { client async throws in
            let proxy = try await client.ask(
                "POST", "/v2/sandboxes", ["templateID": "base", "network": ["egressProxy": ["address": "a:1"]]])
            #expect(proxy.status == 403 && proxy.message != nil)
            for name in ["nosuch", "base:v9", "other/base", "tpl00000000000000000000000000", "snp00000000000000000000000000"] {
                #expect(try await client.ask("POST", "/v2/sandboxes", ["templateID": .string(name)]).status == 404)
            }
        }
    }

    @Test func `the same key gives the same sandbox, and refuses another request`() async throws {
        try await TestE2B.scripted { client async throws in
            let first = try await client.make(headers: [("idempotency-key", "k-1")])
            #expect(try await client.make(headers: [("idempotency-key", "k-1")]) == first)
            let other = try await client.ask(
                "POST", "/v2/sandboxes", ["templateID": "base", "timeout": 7], headers: [("idempotency-key", "k-1")])
            #expect(try other.status == 422 && other.json["error_code"] == "idempotency_request_mismatch")
            #expect(
                try await client.ask("POST", "/v2/sandboxes", ["templateID": "base"], headers: [("idempotency-key", " ")]).status == 400)
        }
    }

    @Test func `where no place takes it, the SDK is told not to try again`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createFailures = Array(repeating: ProviderError(.noCapacity, "full"), count: 100) }
        try await TestE2B.scripted(provider) { client async throws in
            let answer = try await client.ask("POST", "/v2/sandboxes", ["templateID": "base"])
            #expect(answer.status == 503, "\(answer.text)")
            #expect(try answer.json["error_code"] == "sandbox_capacity_unavailable")
            #expect(answer.headers["should-retry"] == "false")
        }
    }

    @Test func `a configured template says what its sandboxes are like`() async throws {
        let settings = try E2BSettings(
            json: [
                "templates": [
                    "node": [
                        "image": "node:24", "cpu": .number("0.5"), "memory": 256, "disk": 2, "startCommand": "serve",
                        "readyCommand": "true",
                    ]
                ]
            ], at: "")
        let provider = ScriptedProvider()
        try await TestE2B.scripted(provider, settings: settings) { client async throws in
            let info = try await client.info(try await client.make(["templateID": "node"]))
            #expect(info.spec.image == "node:24" && info.spec.cpu == 0.5 && info.spec.memory == 256 && info.spec.disk == 2)
            #expect(provider.commands.map { $0.arguments.last } == ["serve", "true"])
            #expect(try await client.ask("GET", "/templates/node").json["memoryMB"] == 256)
            #expect(try await client.ask("GET", "/templates/aliases/base").json["public"] == true)
        }
    }

    @Test func `a sandbox that does not become ready is not given out`() async throws {
        var settings = E2BSettings()
        settings.templates["late"] = try E2BTemplateSettings(json: ["startCommand": "nosuch"], at: "")
        let provider = ScriptedProvider()
        provider.behave { $0.missingPrograms = ["/bin/sh"] }
        try await TestE2B.scripted(provider, settings: settings) { client async throws in
            let answer = try await client.ask("POST", "/v2/sandboxes", ["templateID": "late"])
            #expect(answer.status >= 400 && answer.message != nil)
            #expect(provider.livingCount == 0)
        }
    }
}
