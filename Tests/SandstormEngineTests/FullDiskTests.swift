#if os(Linux)
import Logging
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("A gateway whose disk is full", .enabled(if: SmallDisk.isPossible, "mounting a small file system needs root"))
struct FullDiskTests {
    private func engine(_ store: any Store, _ provider: ScriptedProvider) -> Engine {
        Engine(
            providers: [provider], store: store, configuration: TestGateway.quick,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A request that takes room in the journal.
    private func large() -> RunRequest {
        var request = RunRequest.scripted(detached: true)
        request.spec.files = [SpecFile(path: "a", content: [UInt8](repeating: 65, count: 1024 * 1024))]
        return request
    }

    @Test func `takes nothing on while there is no room, and again when there is`() async throws {
        let disk = try SmallDisk(kibibytes: 8192)
        let store = try SQLiteStore(directory: disk.path)
        let provider = ScriptedProvider()
        let engine = engine(store, provider)
        try disk.fill(leaving: 256 * 1024)
        let error = await #expect(throws: EngineError.self) { try await engine.submit(large(), by: .local) }
        #expect(error?.kind == .storeUnavailable)
        #expect(error?.message.contains("free space") == true)
        #expect(error?.isRetryable == true)
        #expect(provider.createCount == 0)
        disk.free()
        #expect(try await engine.submit(large(), by: .local).result().state == .finished)
        await engine.shutDown()
        await store.close()
    }

    @Test func `a run that ends meanwhile is settled as it ended once there is room, and billed once`() async throws {
        let disk = try SmallDisk(kibibytes: 8192)
        let store = try SQLiteStore(directory: disk.path)
        // Its result, a megabyte of output, does not fit.
        let chunk = String(repeating: "x", count: 64 * 1024)
        let provider = ScriptedProvider(
            price: PriceSchedule(perCreate: "$0.5"),
            script: [.output("begun\n"), .sleep(.milliseconds(500))] + Array(repeating: .output(chunk), count: 16) + [.exit(7)])
        let engine = engine(store, provider)
        let handle = try await engine.submit(.scripted(), by: .local)
        var isFilled = false
        var failure: EngineError?
        do {
            for try await event in handle.events {
                if case .stdout = event.body, !isFilled {
                    isFilled = true
                    try disk.fill(leaving: 128 * 1024)
                }
            }
        } catch let error as EngineError {
            failure = error
        }
        // The stream is cut without the run's being settled.
        #expect(failure == nil)
        #expect(try await engine.run(handle.id, for: .local).isSettled == false)
        #expect(provider.livingCount == 0)
        disk.free()
        #expect(try await eventually { try await engine.run(handle.id, for: .local).isSettled })
        let result = try await engine.run(handle.id, for: .local)
        #expect(result.state == .finished && result.exitCode == 7 && result.cost == "$0.5")
        #expect(try await store.attempts(of: handle.id).map(\.charge) == ["$0.5"])
        await engine.shutDown()
        await store.close()
    }

    @Test func `a gateway that stops with a full disk stops, and the next one settles`() async throws {
        let disk = try SmallDisk(kibibytes: 8192)
        let store = try SQLiteStore(directory: disk.path)
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"), script: [.output("begun\n"), .sleep(.seconds(3600))])
        let first = engine(store, provider)
        let id = try await first.submit(.scripted(detached: true), by: .local).id
        #expect(await eventually { provider.stepsPlayed == 2 })
        try disk.fill(leaving: 0)
        await first.shutDown()
        #expect(provider.livingCount == 0)
        #expect(try await store.run(id)?.result.isSettled == false)
        disk.free()
        // As if the process had been another.
        let owner = try #require(try await store.run(id)).owner
        #expect(try await store.hand(id, from: owner, to: "999999999:1"))
        let second = engine(store, provider)
        await second.recover()
        let result = try await second.run(id, for: .local)
        #expect(result.isSettled && result.failure?.kind == .gatewayStopped)
        await second.shutDown()
        await store.close()
    }
}
#endif
