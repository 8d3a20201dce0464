import SandstormCore
import SandstormStore
import SandstormTestSupport
import Testing

@testable import SandstormEngine

@Suite("Waiting for a place") struct QueueingTests {
    /// A gateway over one place that takes two sandboxes, and says so with every further one.
    private func full(
        script: [ScriptedProvider.Step] = [.sleep(.milliseconds(50)), .exit(0)], _ change: (inout RoutingSettings) -> Void = { _ in }
    ) async throws -> (ScriptedProvider, TestGateway) {
        let provider = ScriptedProvider(script: script)
        provider.behave { $0.quota = 2 }
        var configuration = TestGateway.quick
        change(&configuration.routing)
        return (provider, try await TestGateway([provider], configuration: configuration))
    }

    @Test func `more runs than there is room for are all served, and the quota is not hit by each`() async throws {
        let (provider, gateway) = try await full()
        let results = try await withThrowingTaskGroup(of: RunResult.self) { group in
            for _ in 0..<30 { group.addTask { try await gateway.run(.scripted()) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results.allSatisfy { $0.state == .finished }, "\(results.compactMap(\.failure))")
        #expect(provider.livingCount == 0)
        #expect(gateway.engine.desk.room.count == 0)
        #expect(gateway.metric("sandstorm_queue_runs_total{outcome=\"served\"}") > 0)
        await gateway.stop()
    }

    /// Fills the place, and lets the gateway know that it is full.
    private func fill(_ gateway: TestGateway, _ provider: ScriptedProvider) async throws -> [RunID] {
        var ids: [RunID] = []
        for _ in 0..<2 { ids.append(try await gateway.engine.submit(.scripted(detached: true), by: .local).id) }
        #expect(await eventually { provider.commands.count == 2 })
        ids.append(try await gateway.engine.submit(.scripted(detached: true), by: .local).id)
        #expect(await eventually { gateway.engine.desk.room.count == 1 })
        return ids
    }

    private static let endless: [ScriptedProvider.Step] = [.sleep(.seconds(3600))]

    @Test func `a run that waits says so, and goes on when there is room`() async throws {
        let (provider, gateway) = try await full(script: Self.endless) { $0.queue.patience = .seconds(300) }
        let ids = try await fill(gateway, provider)
        let waiting = try await gateway.engine.run(ids[2], for: .local)
        #expect(!waiting.state.isFinal)
        _ = try await gateway.engine.cancel(ids[0], for: .local)
        #expect(await eventually { provider.commands.count == 3 })
        var names: [String] = []
        _ = try await gateway.engine.cancel(ids[2], for: .local)
        for try await event in try await gateway.engine.events(of: ids[2], after: 0, following: true, for: .local) {
            names.append(event.name)
        }
        #expect(names.contains("queued"))
        #expect(names.firstIndex(of: "queued").map { names[$0...].contains("started") } == true)
        await gateway.stop()
        #expect(provider.livingCount == 0)
    }

    @Test func `a run that waits can be cancelled`() async throws {
        let (provider, gateway) = try await full(script: Self.endless) { $0.queue.patience = .seconds(300) }
        let ids = try await fill(gateway, provider)
        let result = try await gateway.engine.cancel(ids[2], for: .local)
        #expect(result.state == .cancelled && result.isSettled && result.cost == .zero)
        #expect(gateway.engine.desk.room.count == 0)
        await gateway.stop()
        #expect(provider.livingCount == 0)
    }

    @Test func `whoever has waited for long enough is told so`() async throws {
        let (provider, gateway) = try await full(script: Self.endless) { $0.queue.patience = .milliseconds(300) }
        for _ in 0..<2 { _ = try await gateway.engine.submit(.scripted(detached: true), by: .local) }
        #expect(await eventually { provider.commands.count == 2 })
        let result = try await gateway.run(.scripted())
        #expect(result.failure?.kind == .tooBusy, "\(String(describing: result.failure))")
        #expect(result.failure?.isRetryable == true)
        #expect(provider.commands.count == 2)
        await gateway.stop()
    }

    @Test func `when too many wait, the next is refused at once and in words`() async throws {
        let (provider, gateway) = try await full(script: Self.endless) { settings in
            settings.queue.patience = .seconds(300)
            settings.queue.runs = 1
        }
        _ = try await fill(gateway, provider)
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.submit(.scripted(), by: .local) }
        #expect(error?.kind == .tooBusy)
        #expect(error?.message.contains("all places are busy") == true)
        #expect(error?.isRetryable == true)
        await gateway.stop()
        #expect(provider.livingCount == 0)
    }
}
