import NIOCore
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Forks and snapshots") struct CopyTests {
    private func text(_ path: String, in id: SandboxID, _ gateway: TestGateway) async throws -> String {
        String(buffer: try await gateway.engine.files(of: id, for: .local).read(path, upTo: 1000))
    }

    private func write(_ text: String, to path: String, in id: SandboxID, _ gateway: TestGateway) async throws {
        try await gateway.engine.files(of: id, for: .local).write(path, ByteBuffer(string: text), mode: 0o644)
    }

    @Test func `a fork has the files, goes its own way, and is billed by itself`() async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"))
        let gateway = try await TestGateway([provider])
        var request = SandboxRequest()
        request.spec.metadata = ["team": "red"]
        let parent = try await gateway.engine.createSandbox(request, by: .local).sandbox
        try await write("one", to: "a.txt", in: parent.id, gateway)
        let child = try await gateway.engine.fork(parent.id, timeout: .seconds(60), metadata: ["team": "blue"], for: .local)
        #expect(child.parent == parent.id && child.state == .running && child.provider == "scripted")
        #expect(child.spec.metadata == ["team": "blue"])
        try await write("two", to: "a.txt", in: child.id, gateway)
        #expect(try await text("a.txt", in: parent.id, gateway) == "one")
        #expect(try await text("a.txt", in: child.id, gateway) == "two")
        _ = try await gateway.engine.kill(parent.id, for: .local)
        #expect(try await text("a.txt", in: child.id, gateway) == "two")
        #expect(try await gateway.engine.kill(child.id, for: .local).cost == "$0.5")
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a fork that fails is told, and what it may have made is killed`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let parent = try await gateway.sandbox()
        provider.behave { behaviour in
            behaviour.createFailures = Array(repeating: ProviderError(.timedOut, "no answer", mayHaveTakenEffect: true), count: 2)
            behaviour.failedCreatesTakeEffect = true
        }
        await #expect(throws: EngineError.self) {
            try await gateway.engine.fork(parent.id, timeout: nil, metadata: nil, for: .local)
        }
        #expect(provider.livingCount == 1)
        #expect(try await gateway.engine.sandbox(parent.id, for: .local).state == .running)
        await gateway.stop()
    }

    @Test func `a sandbox from a snapshot is made where the snapshot is, and the decision says why`() async throws {
        let first = ScriptedProvider(id: "first", price: FailoverTests.dearer)
        let second = ScriptedProvider(id: "second")
        let gateway = try await TestGateway([first, second])
        var request = SandboxRequest(constraints: Constraints(preferredProviders: ["first"]))
        let original = try await gateway.engine.createSandbox(request, by: .local).sandbox
        #expect(original.provider == "first")
        try await write("kept", to: "a.txt", in: original.id, gateway)
        let snapshot = try await gateway.engine.snapshot(original.id, kind: .filesystem, name: "base", for: .local)
        #expect(snapshot.provider == "first" && snapshot.name == "base" && snapshot.sandbox == original.id)
        try await write("later", to: "a.txt", in: original.id, gateway)
        request = SandboxRequest(snapshot: snapshot.id)
        let copy = try await gateway.engine.createSandbox(request, by: .local).sandbox
        #expect(copy.provider == "first" && copy.snapshot == snapshot.id)
        #expect(try await text("a.txt", in: copy.id, gateway) == "kept")
        let decision = try await gateway.engine.run(copy.run, for: .local).decision
        #expect(decision?.refusals.first?.provider == "second")
        #expect(decision?.refusals.first?.reason.contains(snapshot.id.rawValue) == true)
        #expect(try await gateway.engine.snapshots(SnapshotQuery(), for: .local) == [snapshot])

        try await gateway.engine.deleteSnapshot(snapshot.id, for: .local)
        #expect(first.snapshotCount == 0)
        #expect(try await text("a.txt", in: copy.id, gateway) == "kept")
        for _ in 0..<2 {
            let error = await #expect(throws: EngineError.self) {
                try await gateway.engine.deleteSnapshot(snapshot.id, for: .local)
            }
            #expect(error?.kind == .notFound)
        }
        let gone = await #expect(throws: EngineError.self) { try await gateway.engine.createSandbox(request, by: .local) }
        #expect(gone?.kind == .notFound)
        await gateway.stop()
    }

    @Test func `a snapshot that its provider can't delete stays known`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let snapshot = try await gateway.engine.snapshot(id, kind: .memory, name: nil, for: .local)
        provider.behave { $0.failures[.deleteSnapshot] = [ProviderError(.unavailable, "503")] }
        await #expect(throws: EngineError.self) { try await gateway.engine.deleteSnapshot(snapshot.id, for: .local) }
        #expect(try await gateway.engine.snapshot(snapshot.id, for: .local) == snapshot)
        try await gateway.engine.deleteSnapshot(snapshot.id, for: .local)
        await gateway.stop()
    }

    @Test func `a snapshot outlives a caller that goes away while it is taken`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.delays[.snapshot] = .milliseconds(100) }
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let caller = Task { try await gateway.engine.snapshot(id, kind: .filesystem, name: nil, for: .local) }
        caller.cancel()
        #expect(await eventually { provider.snapshotCount == 1 })
        #expect(try await eventually { try await gateway.engine.snapshots(SnapshotQuery(), for: .local).count == 1 })
        _ = try? await caller.value
        await gateway.stop()
    }
}
