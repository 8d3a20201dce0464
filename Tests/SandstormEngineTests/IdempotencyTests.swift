import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Idempotency keys") struct IdempotencyTests {
    @Test func `the same key with the same request is the same run`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let first = try await gateway.engine.submit(.scripted(key: "k"), by: .local)
        let result = try await first.result()
        let second = try await gateway.engine.submit(.scripted(key: "k"), by: .local)
        #expect(second.id == first.id)
        #expect(!second.isNew)
        #expect(try await second.result().stdout == result.stdout)
        #expect(provider.createCount == 1)
        await gateway.stop()
    }

    @Test func `the same key with another request is a conflict`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        _ = try await gateway.run(.scripted(key: "k"))
        var other = RunRequest.scripted(key: "k")
        other.spec.code = "echo other"
        await #expect {
            _ = try await gateway.engine.submit(other, by: .local)
        } throws: { error in
            (error as? EngineError)?.kind == .idempotencyConflict
        }
        await gateway.stop()
    }

    @Test func `a hundred at once make one run`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.milliseconds(50)), .output("once\n"), .exit(0)])
        let gateway = try await TestGateway([provider])
        let results = try await withThrowingTaskGroup(of: RunResult.self) { group in
            for _ in 0..<100 { group.addTask { try await gateway.run(.scripted(key: "k")) } }
            return try await group.reduce(into: [RunResult]()) { $0.append($1) }
        }
        #expect(Set(results.map(\.id)).count == 1)
        #expect(provider.createCount == 1)
        await gateway.stop()
    }

    @Test func `keys belong to their tenant`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let stranger = Principal(tenant: .generate(), project: .generate())
        let mine = try await gateway.engine.submit(.scripted(key: "k"), by: .local)
        let theirs = try await gateway.engine.submit(.scripted(key: "k"), by: stranger)
        #expect(mine.id != theirs.id)
        _ = try await mine.result()
        _ = try await theirs.result()
        await gateway.stop()
    }
}
