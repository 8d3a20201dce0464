import SandstormCore
import SandstormEngine
import SandstormTestSupport
import Testing

@Suite("Event streams") struct EventStreamTests {
    @Test func `a stream goes on after the event where it was cut`() async throws {
        let gateway = try await TestGateway([ScriptedProvider(script: [.output("a"), .output("b"), .exit(0)])])
        let id = try await gateway.engine.submit(.scripted(detached: true), by: .local).id
        _ = try await gateway.engine.settled(id)
        let events = try await gateway.engine.events(of: id, after: 4, following: true, for: .local)
        var sequences: [Int] = []
        for try await event in events { sequences.append(event.sequence) }
        #expect(sequences == [5, 6, 7])
        await gateway.stop()
    }

    @Test func `a follower sees the whole of a run under way`() async throws {
        let gateway = try await TestGateway([ScriptedProvider(script: [.output("a"), .sleep(.milliseconds(100)), .output("b"), .exit(0)])])
        let id = try await gateway.engine.submit(.scripted(detached: true), by: .local).id
        var text = ""
        for try await event in try await gateway.engine.events(of: id, after: 0, following: true, for: .local) {
            if case .stdout(let bytes) = event.body { text += String(decoding: bytes, as: UTF8.self) }
        }
        #expect(text == "ab")
        await gateway.stop()
    }

    @Test func `a reader that stops reading stops its run, and nothing is lost when it goes on`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 64 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let provider = ScriptedProvider(script: Array(repeating: .output(chunk), count: 64) + [.exit(0)])
        let gateway = try await TestGateway([provider], configuration: configuration)
        let handle = try await gateway.engine.submit(.scripted(timeout: .seconds(3600)), by: .local)
        var iterator = handle.events.makeAsyncIterator()
        _ = try await iterator.next()
        // The code is held back at about the window's size: four pieces of 16 KiB, of 64.
        #expect(await eventually { provider.stepsPlayed >= 4 })
        #expect(await !eventually(within: .milliseconds(300)) { provider.stepsPlayed > 8 })
        var count = 0
        while let event = try await iterator.next() {
            if case .stdout(let bytes) = event.body { count += bytes.count }
        }
        #expect(count == 64 * 16 * 1024)
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a slow follower does not slow the run and goes on from the store`() async throws {
        var configuration = TestGateway.quick
        configuration.windowLimit = 64 * 1024
        let chunk = String(repeating: "x", count: 16 * 1024)
        let gateway = try await TestGateway(
            [ScriptedProvider(script: Array(repeating: .output(chunk), count: 64) + [.exit(0)])], configuration: configuration)
        let id = try await gateway.engine.submit(.scripted(timeout: .seconds(3600), detached: true), by: .local).id
        var iterator = try await gateway.engine.events(of: id, after: 0, following: true, for: .local).makeAsyncIterator()
        _ = try await iterator.next()
        #expect(try await eventually { try await gateway.engine.run(id, for: .local).isSettled })
        var count = 0
        while let event = try await iterator.next() {
            if case .stdout(let bytes) = event.body { count += bytes.count }
        }
        #expect(count == 64 * 16 * 1024)
        await gateway.stop()
    }
}

extension Engine {
    /// Waits until a run is settled.
    func settled(_ id: RunID) async throws -> RunResult {
        for try await _ in try await events(of: id, after: 0, following: true, for: .local) {}
        return try await run(id, for: .local)
    }
}
