import AsyncHTTPClient
import E2BAPI
import NIOCore
import SandstormCore
import SandstormEngine
import SandstormServer
import SandstormStore
import SandstormTestSupport
import Testing

/// A client of the control plane, as the vendor's SDK asks it.
struct ControlClient: Sendable {
    let live: LiveE2B
    var key = "any"

    /// - Parameter path: below the dialect's prefix.
    func ask(
        _ method: String, _ path: String, _ body: JSONValue? = nil, headers: [(String, String)] = []
    ) async throws -> Answer {
        try await live.send(
            method, "/e2b" + path, body.map { .bytes(ByteBuffer(bytes: $0.encodedBytes)) },
            headers: [("x-api-key", key), ("content-type", "application/json")] + headers)
    }

    /// Makes a sandbox, and says its id.
    func make(_ body: JSONObject = [:], headers: [(String, String)] = []) async throws -> String {
        var body = body
        if body["templateID"] == nil { body["templateID"] = "base" }
        let answer = try await ask("POST", "/v2/sandboxes", .object(body), headers: headers)
        try #require(answer.status == 201, "\(answer.text)")
        return try #require(try answer.json["sandboxID"]?.stringValue)
    }

    func state(of id: String) async throws -> String? { try await ask("GET", "/sandboxes/\(id)").json["state"]?.stringValue }

    /// The engine's own knowledge of a sandbox.
    func info(_ id: String, for principal: Principal = .local) async throws -> SandboxInfo {
        let id = try #require(SandboxID("sbx_" + id.dropFirst(3)))
        return try await live.engine.sandbox(id, for: principal)
    }
}

extension TestE2B {
    /// Runs `body` against a server over a provider that the test scripts.
    static func scripted(
        _ provider: ScriptedProvider = ScriptedProvider(), settings: E2BSettings = E2BSettings(),
        _ body: @escaping @Sendable (ControlClient) async throws -> Void
    ) async throws {
        var test = try await TestE2B([provider])
        test.settings = settings
        try await test.serve { live in try await body(ControlClient(live: live)) }
    }

    /// The same with keys, of two tenants.
    static func tenants(_ body: @escaping @Sendable (_ red: ControlClient, _ blue: ControlClient) async throws -> Void) async throws {
        var test = try await TestE2B()
        let ring = KeyRing(store: test.gateway.store)
        test.auth = .required(ring)
        let red = try await ring.make(name: "red", for: Principal(tenant: .generate(), project: .generate())).secret
        let blue = try await ring.make(name: "blue", for: Principal(tenant: .generate(), project: .generate())).secret
        try await test.serve { live async throws in
            try await body(ControlClient(live: live, key: red), ControlClient(live: live, key: blue))
        }
    }
}
