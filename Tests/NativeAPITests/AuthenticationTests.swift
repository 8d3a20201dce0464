import HTTPTypes
import HummingbirdTesting
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@testable import NativeAPI
@testable import SandstormServer

@Suite("Who may call") struct AuthenticationTests {
    @Test(
        "without a key there is nothing to see, whether it exists or not",
        arguments: [
            "/v1/runs", "/v1/runs/", "/v1//runs", "//v1/runs", "/v1/runs?limit=1", "/v1/nothing", "/v1", "/v1/runs/run_0", "/v1/providers",
        ])
    func withoutKey(path: String) async throws {
        try await TestAPI.withKeys().api.test { client async throws in
            for headers in [
                [:], ["Authorization": "Bearer"], ["Authorization": "Bearer "], ["Authorization": "Basic c2FuZA=="],
                ["Authorization": "Bearer wrong"],
                ["X-API-Key": "sandstorm_0000"], ["X-API-Key": String(repeating: "k", count: 10_000)],
            ] {
                for method in [HTTPRequest.Method.get, .post, .delete] {
                    let response = try await client.send(method, path, headers: HTTPFields(names: headers))
                    #expect(response.status == .unauthorized, "\(headers)")
                    #expect(response.headers[.wwwAuthenticate]?.hasPrefix("Bearer") == true)
                    #expect(try response.problem() == "unauthenticated")
                }
            }
        }
    }

    @Test func `probes need no key`() async throws {
        try await TestAPI.withKeys().api.test { client async throws in
            for path in ["/healthz", "/readyz", "/metrics"] { #expect(try await client.send(.get, path).status == .ok, "\(path)") }
            #expect(try await client.send(.get, "/nothing").status == .notFound)
        }
    }

    @Test func `a key opens, in either header`() async throws {
        let (api, _, secret) = try await TestAPI.withKeys()
        try await api.test { client async throws in
            for headers in [["Authorization": "Bearer \(secret)"], ["authorization": "bearer \(secret)"], ["X-API-Key": secret]] {
                #expect(try await client.send(.get, "/v1/runs", headers: HTTPFields(names: headers)).status == .ok, "\(headers)")
            }
        }
    }

    @Test func `a run belongs to its tenant`() async throws {
        let (api, ring, secret) = try await TestAPI.withKeys()
        let stranger = try await ring.make(name: "stranger", for: Principal(tenant: .generate(), project: .generate())).secret
        try await api.test { client in
            let mine = HTTPFields(names: ["X-API-Key": secret])
            let theirs = HTTPFields(names: ["X-API-Key": stranger])
            let id = try #require(try await client.send(.post, "/v1/runs", minimalRun, headers: mine).json["id"]?.stringValue)
            #expect(try await client.send(.get, "/v1/runs/\(id)", headers: mine).status == .ok)
            for path in ["", "/events", "/logs"] {
                let response = try await client.send(.get, "/v1/runs/\(id)\(path)", headers: theirs)
                #expect(response.status == .notFound)
                #expect(try response.problem() == "not-found")
            }
            #expect(try await client.send(.delete, "/v1/runs/\(id)", headers: theirs).status == .notFound)
            #expect(try await client.send(.get, "/v1/runs", headers: theirs).json["runs"]?.arrayValue?.isEmpty == true)
        }
    }

    @Test func `keys that can't be looked up open nothing`() async throws {
        let (api, _, secret) = try await TestAPI.withKeys()
        await api.gateway.store.close()
        try await api.test { client in
            let response = try await client.send(.get, "/v1/runs", headers: HTTPFields(names: ["X-API-Key": secret]))
            #expect(response.status == .serviceUnavailable)
            #expect(response.headers[.retryAfter] != nil)
            #expect(try response.problem() == "store-unavailable")
        }
    }

    @Test func `a revoked key stops working once its entry is old`() async throws {
        var (api, ring, secret) = try await TestAPI.withKeys()
        api.configuration.keyLifetime = .milliseconds(50)
        let configured = api
        let keys = ring
        let headers = HTTPFields(names: ["X-API-Key": secret])
        try await configured.test { client in
            #expect(try await client.send(.get, "/v1/runs", headers: headers).status == .ok)
            let key = try #require(try await keys.list().first)
            #expect(try await keys.revoke(key.id))
            #expect(try await eventually { try await client.send(.get, "/v1/runs", headers: headers).status == .unauthorized })
        }
    }
}

@Suite("The cache of keys") struct KeyCacheTests {
    private let time = Locked(ContinuousClock.now)
    private let lookUps = Locked(0)
    private let known = Locked<Set<String>>(["a", "b"])

    private func cache(capacity: Int = 10) -> KeyCache {
        KeyCache(lifetime: .seconds(5), capacity: capacity, now: { time.withLock { $0 } }) { secret throws(StoreError) in
            lookUps.withLock { $0 += 1 }
            return known.withLock { $0.contains(secret) } ? .local : nil
        }
    }

    private func isKnown(_ secret: String, _ cache: KeyCache) async throws -> Bool {
        try await cache.principal(PresentedKey(secret: secret)) != nil
    }

    @Test func `a key is looked up once in its lifetime`() async throws {
        let cache = cache()
        for _ in 0..<10 { #expect(try await isKnown("a", cache)) }
        #expect(lookUps.withLock { $0 } == 1)
        known.withLock { _ = $0.remove("a") }
        time.withLock { $0 += .milliseconds(4999) }
        #expect(try await isKnown("a", cache))
        time.withLock { $0 += .milliseconds(2) }
        #expect(try await !isKnown("a", cache))
    }

    @Test func `an unknown key is asked for each time, so that a new one works at once`() async throws {
        let cache = cache()
        #expect(try await !isKnown("c", cache))
        known.withLock { _ = $0.insert("c") }
        #expect(try await isKnown("c", cache))
    }

    @Test func `a full cache forgets rather than grows`() async throws {
        let cache = cache(capacity: 1)
        for secret in ["a", "b", "a", "b"] { #expect(try await isKnown(secret, cache)) }
        #expect(lookUps.withLock { $0 } == 4)
    }

    @Test func `what is no key by its length is not looked up`() async throws {
        #expect(try await !isKnown(String(repeating: "a", count: 257), cache()))
        #expect(lookUps.withLock { $0 } == 0)
    }

    @Test func `a key does not describe itself`() {
        let key = PresentedKey(secret: "sandstorm_secret")
        #expect(!"\(key) \(String(reflecting: key))".contains("secret"))
    }
}

@Suite("A gateway without keys") struct SameMachineTests {
    @Test(
        "names of this machine",
        arguments: ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:8080", "localhost."])
    func loopback(authority: String) { #expect(SameMachineRule.isLoopback(authority)) }

    @Test(
        "other names",
        arguments: [
            "", ":", "example.com", "localhost.example.com", "127.0.0.1.example.com", "127.0.0.1@example.com", "127.0.0", "127.0.0.256",
            "127.0.0.1:x",
            "0.0.0.0", "10.0.0.1", "[::]", "[::1", "[::1]x", "[::1].example.com", "localhost:80:80", "evil.com:localhost",
            "localhost:99999", "127..0.1",
        ])
    func foreign(authority: String) { #expect(!SameMachineRule.isLoopback(authority)) }

    @Test func `a page of another origin or name gets nothing`() async throws {
        let provider = ScriptedProvider()
        try await TestAPI([provider]).serve { server in
            for headers in [
                "Host: evil.example", "Host: evil.example:\(server.port)", "Host: localhost:\(server.port)\r\nOrigin: http://evil.example",
                "Host: localhost:\(server.port)\r\nOrigin: null", "Host: localhost:\(server.port)\r\nOrigin: http://localhost:1",
                "Host: localhost:\(server.port)\r\nSec-Fetch-Site: cross-site",
            ] {
                try await RawConnection.connect(to: server.port) { connection in
                    try await connection.send(
                        "POST /v1/runs HTTP/1.1\r\n\(headers)\r\nContent-Length: \(minimalRun.utf8.count)\r\n\r\n\(minimalRun)")
                    let answer = await connection.read(until: "retryable")
                    #expect(answer.hasPrefix("HTTP/1.1 403 "), "\(headers)")
                    #expect(answer.contains("urn:sandstorm:problem:forbidden-origin"))
                }
            }
            #expect(provider.createCount == 0)
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send(
                    "GET /v1/runs HTTP/1.1\r\nHost: localhost:\(server.port)\r\nOrigin: http://localhost:\(server.port)\r\nSec-Fetch-Site: same-origin\r\n\r\n"
                )
                #expect(await connection.read(until: "runs").hasPrefix("HTTP/1.1 200 OK"))
            }
            // A prober that uses the machine's address is none of a page's business.
            try await RawConnection.connect(to: server.port) { connection in
                try await connection.send("GET /healthz HTTP/1.1\r\nHost: 10.0.0.7\r\n\r\n")
                #expect(await connection.read(until: "ok\"").hasPrefix("HTTP/1.1 200 OK"))
            }
        }
    }
}
