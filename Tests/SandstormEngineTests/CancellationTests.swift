import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("Cancellation") struct CancellationTests {
    static let endless: [ScriptedProvider.Step] = [.output("begun\n"), .sleep(.seconds(3600))]

    @Test func `a caller that goes away ends its run`() async throws {
        let provider = ScriptedProvider(script: Self.endless)
        let gateway = try await TestGateway([provider])
        let id = Locked<RunID?>(nil)
        let caller = Task {
            let handle = try await gateway.engine.submit(.scripted(), by: .local)
            id.withLock { $0 = handle.id }
            for try await _ in handle.events {}
        }
        #expect(await eventually { provider.livingCount == 1 && provider.commands.count == 1 })
        caller.cancel()
        #expect(await eventually { provider.livingCount == 0 })
        let run = try #require(id.withLock { $0 })
        #expect(try await eventually { try await gateway.engine.run(run, for: .local).isSettled })
        #expect(try await gateway.engine.run(run, for: .local).state == .cancelled)
        await gateway.stop()
    }

    @Test func `a caller that waits for the result and goes away ends its run`() async throws {
        let provider = ScriptedProvider(script: Self.endless)
        let gateway = try await TestGateway([provider])
        let caller = Task { try await gateway.run(.scripted()) }
        #expect(await eventually { provider.commands.count == 1 })
        caller.cancel()
        #expect(await eventually { provider.livingCount == 0 })
        await gateway.stop()
    }

    @Test func `a detached run goes on without its caller`() async throws {
        let provider = ScriptedProvider(script: [.sleep(.milliseconds(100)), .output("done\n"), .exit(0)])
        let gateway = try await TestGateway([provider])
        let id = try await gateway.engine.submit(.scripted(detached: true), by: .local).id
        #expect(try await eventually { try await gateway.engine.run(id, for: .local).isSettled })
        #expect(try await gateway.engine.run(id, for: .local).stdout == "done\n")
        await gateway.stop()
    }

    @Test func `a cancelled run is settled when the call returns, and cancelling it again changes nothing`() async throws {
        let provider = ScriptedProvider(script: Self.endless)
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        #expect(await eventually { provider.commands.count == 1 })
        let result = try await gateway.engine.cancel(handle.id, for: .local)
        #expect(result.state == .cancelled && result.isSettled)
        #expect(provider.livingCount == 0)
        #expect(try await gateway.engine.cancel(handle.id, for: .local).state == .cancelled)
        await gateway.stop()
    }

    @Test("a run is ended whole in whatever phase it is", arguments: [0, 5, 20, 60])
    func phases(milliseconds: Int) async throws {
        let provider = ScriptedProvider(script: Self.endless)
        provider.behave { $0.createDelay = .milliseconds(30) }
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        try await Task.sleep(for: .milliseconds(milliseconds))
        #expect(try await gateway.engine.cancel(handle.id, for: .local).isSettled)
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a stopping engine settles what is under way and takes no more`() async throws {
        let provider = ScriptedProvider(script: Self.endless)
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(detached: true), by: .local)
        #expect(await eventually { provider.commands.count == 1 })
        await gateway.engine.shutDown()
        #expect(provider.livingCount == 0)
        #expect(try await gateway.engine.run(handle.id, for: .local).failure?.kind == .gatewayStopped)
        await #expect(throws: EngineError.self) { _ = try await gateway.engine.submit(.scripted(), by: .local) }
        await gateway.stop()
    }
}
