import Logging
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("What front ends keep of a sandbox") struct AttributeTests {
    @Test func `attributes are kept, changed by name, inherited by forks, and no part of the native form`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        var request = SandboxRequest()
        request.attributes = ["one": ["a": 1, "b": 2]]
        let made = try await gateway.engine.createSandbox(request, by: .local).sandbox
        #expect(made.attributes == request.attributes)
        #expect(made.json["attributes"] == nil && made.json["one"] == nil)
        try await gateway.engine.setAttributes(["two": "x"], of: made.id, for: .local)
        try await gateway.engine.setAttributes(["one": ["a": 3]], of: made.id, for: .local)
        let changed: JSONObject = ["one": ["a": 3], "two": "x"]
        #expect(try await gateway.engine.sandbox(made.id, for: .local).attributes == changed)
        #expect(try await gateway.store.sandbox(made.id)?.info.attributes == changed)
        // A change of state does not bring back what was.
        _ = try await gateway.engine.suspend(made.id, for: .local)
        #expect(try await gateway.store.sandbox(made.id)?.info.attributes == changed)
        let fork = try await gateway.engine.fork(made.id, timeout: nil, metadata: nil, attributes: ["two": "y"], for: .local)
        #expect(fork.attributes == ["one": ["a": 3], "two": "y"])
        let stranger = Principal(tenant: .generate(), project: .generate())
        let error = await #expect(throws: EngineError.self) {
            try await gateway.engine.setAttributes(["one": 1], of: made.id, for: stranger)
        }
        #expect(error?.kind == .notFound)
        await gateway.stop()
    }

    @Test func `the same key with other attributes is another request`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        var request = SandboxRequest(idempotencyKey: "k")
        request.attributes = ["one": 1]
        let first = try await gateway.engine.createSandbox(request, by: .local)
        let second = try await gateway.engine.createSandbox(request, by: .local)
        #expect(first.isNew && !second.isNew && first.sandbox.id == second.sandbox.id)
        request.attributes = ["one": 2]
        let changed = request
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.createSandbox(changed, by: .local) }
        #expect(error?.kind == .idempotencyConflict)
        await gateway.stop()
    }

    @Test func `a sandbox has a holder, also once it has ended`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let holder = Principal(tenant: .generate(), project: .generate(), key: .generate())
        let made = try await gateway.engine.createSandbox(SandboxRequest(), by: holder).sandbox
        #expect(try await gateway.engine.holder(of: made.id) == holder)
        _ = try await gateway.engine.kill(made.id, for: holder)
        #expect(try await gateway.engine.holder(of: made.id).tenant == holder.tenant)
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.holder(of: .generate()) }
        #expect(error?.kind == .notFound)
        await gateway.stop()
    }

    @Test func `a token is good for one sandbox, one purpose and one data directory`() async throws {
        let gateway = try await TestGateway([])
        let (id, other) = (SandboxID.generate(), SandboxID.generate())
        let token = gateway.engine.sandboxToken(id, for: "files")
        #expect(token.count == 64)
        #expect(gateway.engine.isToken(token, of: id, for: "files"))
        #expect(!gateway.engine.isToken(token, of: other, for: "files"))
        #expect(!gateway.engine.isToken(token, of: id, for: "traffic"))
        let cut = String(token.dropLast())
        for wrong in ["", cut, token + "0", cut + "g", cut + "é", String(repeating: "0", count: 64)] {
            #expect(!gateway.engine.isToken(wrong, of: id, for: "files"))
        }
        let next = Engine(providers: [], store: gateway.store, logger: Logger(label: "next"))
        #expect(next.sandboxToken(id, for: "files") == token)
        let stranger = try await TestGateway([])
        #expect(stranger.engine.sandboxToken(id, for: "files") != token)
        await stranger.stop()
        await gateway.stop()
    }
}
