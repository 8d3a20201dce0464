import NIOCore
import SandstormCore
import SandstormTestSupport
import SandstormWire
import Testing

@testable import E2BProvider

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Sandboxes at E2B") struct CreateTests {
    @Test("are asked for with the tag, a key of their own, and a lease")
    func request() async throws {
        try await FaultServer.run {
            Vendor.usual($0)
        } _: { server in
            let provider = try Vendor.provider(server)
            let tag = Vendor.tag()
            let sandbox = try await Vendor.create(provider, tag: tag)
            #expect(sandbox.id.rawValue == "default/\(Vendor.sandboxID)")
            let request = try #require(server.requests("POST", "/v2/sandboxes").first)
            #expect(request.headers["x-api-key"] == "e2b_key")
            let key = try #require(request.headers["idempotency-key"])
            #expect((1...255).contains(key.utf8.count) && key.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" })
            let body = try #require(request.json)
            #expect(SandboxMetadata.tag(body["metadata"]) == tag)
            #expect(body["templateID"] == "base")
            #expect(body["allow_internet_access"] == false)
            #expect((body["timeout"]?.intValue ?? 0) >= 300)
            // The workspace is made as root, with the sandbox's token.
            let prepared = try #require(server.requests("POST", "/process.Process/Start").first)
            #expect(prepared.headers["authorization"] == "Basic cm9vdDo=")
            #expect(prepared.headers["x-access-token"] == "secret-token")
            #expect(prepared.headers["e2b-sandbox-id"] == Vendor.sandboxID)
            #expect(prepared.headers["e2b-sandbox-port"] == "49983")
        }
    }

    @Test(
        "reach what the policy says",
        arguments: [NetworkPolicy.none, .open, .allow(["pypi.org", "10.0.0.0/8"]), .deny(["203.0.113.0/24"], allow: ["203.0.113.7"])])
    func network(policy: NetworkPolicy) {
        var spec = Vendor.spec
        spec.network = policy
        let body = CreateBody.json(spec, template: "base", seconds: 60, tag: Vendor.tag())
        switch policy {
        case .none: #expect(body["allow_internet_access"] == false && body["network"] == nil)
        case .open: #expect(body["allow_internet_access"] == true && body["network"] == nil)
        case .allow(let hosts):
            #expect(body["network"]?["allowOut"] == .strings(hosts))
            // Names are taken only beside a denial of everything.
            #expect(body["network"]?["denyOut"] == ["0.0.0.0/0"])
        case .deny(let hosts, let allowed):
            #expect(body["network"]?["denyOut"] == .strings(hosts) && body["network"]?["allowOut"] == .strings(allowed))
        }
    }

    @Test("take the caller's own fields, but for what makes them known again and what opens the network")
    func options() {
        var spec = Vendor.spec
        spec.network = .allow(["a.example"])
        spec.providerOptions = [
            "e2b": [
                "metadata": ["x": "y"], "timeout": 1, "templateID": "t", "allow_internet_access": true, "secure": true,
                "network": ["allowOut": ["0.0.0.0/0"], "dnsServers": ["1.1.1.1"]],
            ]
        ]
        let tag = Vendor.tag()
        let body = CreateBody.json(spec, template: "base", seconds: 60, tag: tag)
        #expect(SandboxMetadata.tag(body["metadata"]) == tag)
        #expect(body["timeout"] == 60 && body["templateID"] == "base" && body["secure"] == true)
        #expect(body["allow_internet_access"] == nil)
        #expect(body["network"]?["allowOut"] == ["a.example"] && body["network"]?["dnsServers"] == ["1.1.1.1"])
    }

    @Test("whose first command can't be run are ended, and it is said that one may be left")
    func unusable() async throws {
        try await FaultServer.run { request in
            request.path == "/process.Process/Start"
                ? FaultStep.answer(502, #"{"code":502,"message":"port is not open"}"#) : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let error = await failure { try await Vendor.create(provider) }
            #expect(error?.code == .unavailable)
            #expect(error?.mayHaveTakenEffect == true)
            #expect(await eventually { !server.requests("DELETE", "/sandboxes/\(Vendor.sandboxID)").isEmpty })
        }
    }

    @Test("are listed over all pages, as the vendor's own clients write the filter")
    func pages() async throws {
        let tags = (0..<5).map { _ in Vendor.tag() }
        let gateway = tags[0].gateway
        @Sendable func entry(_ number: Int, _ tag: SandboxTag) -> JSONValue {
            var tag = tag
            if number < 4 { tag.gateway = gateway }
            return ["sandboxID": .string("i\(number)"), "metadata": SandboxMetadata.json(tag), "startedAt": "2026-11-20T10:00:00.123456Z"]
        }
        try await FaultServer.run { request in
            let first = JSONValue.array([entry(0, tags[0]), entry(1, tags[1]), ["sandboxID": "alien"], entry(4, tags[4])]).encoded
            let second = JSONValue.array([entry(2, tags[2]), entry(3, tags[3])]).encoded
            return request.path.contains("nextToken=T%2F1")
                ? FaultStep.answer(200, second) : FaultStep.answer(200, first, headers: ["x-next-token": "T/1"])
        } _: { server in
            let records = try await Vendor.provider(server).sandboxes(taggedBy: gateway)
            #expect(records.map(\.id.rawValue) == ["default/i0", "default/i1", "default/i2", "default/i3"])
            #expect(records.allSatisfy { $0.tag.gateway == gateway && $0.createdAt != .distantPast })
            let path = try #require(server.seen.withLock(\.first)?.path)
            #expect(path.contains("metadata=sandstorm-gateway%3D\(gateway.rawValue)&state=running%2Cpaused"))
        }
    }

    @Test("a list that leads back to itself ends")
    func circularList() async throws {
        try await FaultServer.run { _ in
            FaultStep.answer(200, "[]", headers: ["x-next-token": "again"])
        } _: { server in
            let error = await failure { try await Vendor.provider(server).sandboxes(taggedBy: .generate()) }
            #expect(error?.code == .unavailable)
        }
    }

    @Test("of several accounts are each at their own, and no list leaves one out")
    func accounts() async throws {
        try await FaultServer.run { request in
            if request.headers["x-api-key"] == "bad" { return FaultStep.answer(401, #"{"code":401,"message":"no"}"#) }
            return Vendor.usual(request)
        } _: { server in
            var (one, other) = (Vendor.account(server), Vendor.account(server))
            (one.name, other.name) = ("one", "other")
            let provider = try E2BProvider(accounts: [one, other]) { Vendor.price }
            let offers = provider.offers(for: Vendor.spec)
            #expect(Set(offers.map(\.account)) == ["one", "other"])
            #expect(Set(offers.map(\.id)).count == offers.count)
            let offer = try #require(offers.first { $0.account == "other" })
            let sandbox = try await provider.create(Vendor.spec, on: offer, tag: Vendor.tag())
            #expect(sandbox.id.rawValue.hasPrefix("\(offer.account)/"))
            #expect(try await provider.probe().isHealthy)
            other.key = E2BKey("bad")
            let half = try E2BProvider(accounts: [one, other]) { Vendor.price }
            #expect(await failure { try await half.sandboxes(taggedBy: .generate()) }?.code == .unauthenticated)
            let status = try await half.probe()
            #expect(status.isHealthy && status.detail.contains("unauthenticated"))
            one.key = E2BKey("bad")
            let none = try E2BProvider(accounts: [one, other]) { Vendor.price }
            #expect(await failure { try await none.probe() }?.code == .unauthenticated)
        }
    }

    @Test("names that are none are not asked for")
    func strangeNames() async throws {
        try await FaultServer.run {
            Vendor.usual($0)
        } _: { server in
            let provider = try Vendor.provider(server)
            for name in ["", "default", "default/", "default/../../x", "other/i1", "default/a b", "../../etc"] {
                #expect(await failure { try await provider.attach(ProviderSandboxID(name)) }?.code == .notFound)
                try await provider.destroy(ProviderSandboxID(name))
            }
            #expect(server.seen.withLock(\.count) == 0)
        }
    }

    @Test("end with the first kill, and with every other")
    func kill() async throws {
        try await FaultServer.run { request in
            request.method == "DELETE" ? FaultStep.answer(404, #"{"code":404,"message":"gone"}"#) : Vendor.usual(request)
        } _: { server in
            let provider = try Vendor.provider(server)
            let sandbox = try await Vendor.create(provider)
            try await sandbox.kill()
            try await sandbox.kill()
            try await provider.destroy(sandbox.id)
            #expect(await failure { try await sandbox.start(Command(["true"])) }?.code == .notFound)
            #expect(await failure { try await sandbox.files.read("x", upTo: 1) }?.code == .notFound)
        }
    }

    @Test("whose token has changed are asked once more with the new one")
    func staleToken() async throws {
        let fresh = Vendor.described().replacing("secret-token", with: "new-token")
        try await FaultServer.run { request in
            if request.path == "/metrics" {
                return request.headers["x-access-token"] == "new-token"
                    ? FaultStep.answer(200, #"{"mem_used":1000,"disk_used":5,"disk_total":9}"#)
                    : FaultStep.answer(401, #"{"code":401,"message":"unauthorized"}"#)
            }
            return request.method == "GET" ? FaultStep.answer(200, fresh) : Vendor.usual(request)
        } _: { server in
            let sandbox = try await Vendor.create(try Vendor.provider(server))
            let usage = try await sandbox.usage()
            #expect(usage.memory == 1000 && usage.disk == 5 && usage.diskLimit == 9 && usage.memoryLimit == 512 << 20)
        }
    }

    @Test("a pause that comes too late is one, a resume takes the rest of the lease, an extension while paused waits for it")
    func pausing() async throws {
        let paused = Locked(false)
        try await FaultServer.run { request in
            switch (request.method, request.path) {
            case ("POST", "/sandboxes/\(Vendor.sandboxID)/pause"):
                return paused.withLock { paused in
                    defer { paused = true }
                    return paused ? FaultStep.answer(409, #"{"code":409,"message":"paused"}"#) : FaultStep.nothing()
                }
            case ("POST", "/v2/sandboxes/\(Vendor.sandboxID)/connect"):
                paused.withLock { $0 = false }
                return FaultStep.answer(201, Vendor.described())
            case ("POST", "/sandboxes/\(Vendor.sandboxID)/timeout"):
                return paused.withLock(\.self) ? FaultStep.answer(404, #"{"code":404,"message":"no"}"#) : FaultStep.nothing()
            case ("GET", "/sandboxes/\(Vendor.sandboxID)"):
                return FaultStep.answer(200, Vendor.described(state: paused.withLock(\.self) ? "paused" : "running"))
            default: return Vendor.usual(request)
            }
        } _: { server in
            let sandbox = try await Vendor.create(try Vendor.provider(server))
            try await sandbox.pause()
            try await sandbox.pause()
            try await sandbox.extend(to: .init(timeIntervalSinceNow: 1000))
            try await sandbox.resume()
            let seconds = try #require(
                server.requests("POST", "/v2/sandboxes/\(Vendor.sandboxID)/connect").first?.json?["timeout"]?.intValue)
            #expect((900...1000).contains(seconds))
        }
    }

    @Test("are told what they may reach from now on")
    func setNetwork() async throws {
        try await FaultServer.run { request in
            request.method == "PUT" ? FaultStep.nothing() : Vendor.usual(request)
        } _: { server in
            let sandbox = try await Vendor.create(try Vendor.provider(server))
            for policy in [NetworkPolicy.none, .open, .allow(["a.example"]), .deny(["10.0.0.0/8"])] { try await sandbox.setNetwork(policy) }
            #expect(
                server.requests("PUT", "/sandboxes/\(Vendor.sandboxID)/network").map(\.json) == [
                    ["allow_internet_access": false], ["allow_internet_access": true],
                    ["allowOut": ["a.example"], "denyOut": ["0.0.0.0/0"]],
                    ["allowOut": [], "denyOut": ["10.0.0.0/8"]],
                ])
        }
    }

    @Test("a fork has a tag of its own, and leaves no snapshot")
    func fork() async throws {
        try await FaultServer.run { request in
            request.path.hasSuffix("/snapshots")
                ? FaultStep.answer(201, #"{"snapshotID":"team/snap:default","names":[]}"#) : Vendor.usual(request)
        } _: { server in
            let sandbox = try await Vendor.create(try Vendor.provider(server))
            let tag = Vendor.tag()
            _ = try await sandbox.fork(tag: tag)
            let request = try #require(server.requests("POST", "/v2/sandboxes").last)
            #expect(request.json?["templateID"] == "team/snap:default")
            #expect(SandboxMetadata.tag(request.json?["metadata"]) == tag)
            #expect(await eventually { server.requests("DELETE", "/templates/team%2Fsnap%3Adefault").count == 1 })
        }
    }
}
