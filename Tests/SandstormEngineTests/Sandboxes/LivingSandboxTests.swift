import NIOCore
import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

@Suite("Living sandboxes") struct LivingSandboxTests {
    static let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 100_000_000_000))

    @Test func `a sandbox lives until it is killed, and its life is billed once as a run of its own`() async throws {
        let provider = ScriptedProvider(price: PriceSchedule(perCreate: "$0.5"))
        let gateway = try await TestGateway([provider])
        var request = SandboxRequest()
        request.spec.files = [SpecFile(path: "a/b.txt", content: Array("x".utf8))]
        request.spec.metadata = ["team": "red"]
        let (made, isNew) = try await gateway.engine.createSandbox(request, by: .local)
        #expect(isNew)
        #expect(made.state == .running)
        #expect(made.provider == "scripted")
        #expect(made.cost == "$0.5")
        #expect(provider.files["/workspace/a/b.txt"] == Array("x".utf8))
        #expect(try await gateway.engine.sandbox(made.id, for: .local).state == .running)
        #expect(try await gateway.engine.runs(RunQuery(), for: .local).isEmpty)
        var query = RunQuery()
        query.kinds = [.sandbox]
        #expect(try await gateway.engine.runs(query, for: .local).map(\.id) == [made.run])

        let ended = try await gateway.engine.kill(made.id, for: .local)
        #expect(ended.state == .ended)
        #expect(ended.endedAt != nil && ended.failure == nil)
        #expect(ended.cost == "$0.5")
        #expect(provider.livingCount == 0)
        #expect(try await gateway.engine.kill(made.id, for: .local) == ended)
        let run = try await gateway.engine.run(made.run, for: .local)
        #expect(run.state == .finished && run.isSettled && run.cost == "$0.5")
        #expect(try await gateway.store.attempts(of: made.run).map(\.charge) == ["$0.5"])
        await #expect(throws: EngineError.self) { try await gateway.engine.usage(of: made.id, for: .local) }
        await gateway.stop()
    }

    @Test func `many kills at once all wait for the one end`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let ended = try await withThrowingTaskGroup(of: SandboxInfo.self) { group in
            for _ in 0..<20 { group.addTask { try await gateway.engine.kill(id, for: .local) } }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(ended.count == 1 && ended.first?.state == .ended)
        #expect(provider.killCount == 1)
        await gateway.stop()
    }

    @Test func `a create that fails moves on to the next offer`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.createFailures = [ProviderError(.noCapacity, "full")] }
        let second = ScriptedProvider(id: "second", price: FailoverTests.dearer)
        let gateway = try await TestGateway([first, second])
        let made = try await gateway.sandbox()
        #expect(made.provider == "second")
        #expect(try await gateway.store.attempts(of: made.run).count == 2)
        await gateway.stop()
        #expect(second.livingCount == 0)
    }

    @Test func `files that can't be written fail the place, not the caller`() async throws {
        let first = ScriptedProvider(id: "first")
        first.behave { $0.failures[.files] = [ProviderError(.interrupted, "died")] }
        let second = ScriptedProvider(id: "second", price: FailoverTests.dearer)
        let gateway = try await TestGateway([first, second])
        var request = SandboxRequest()
        request.spec.files = [SpecFile(path: "a", content: [1])]
        #expect(try await gateway.engine.createSandbox(request, by: .local).sandbox.provider == "second")
        #expect(first.livingCount == 0)
        await gateway.stop()
    }

    @Test func `when no place makes one the caller is told why, and the sandbox is kept as ended`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createFailures = [ProviderError(.quotaExceeded, "no room at the inn")] }
        let gateway = try await TestGateway([provider])
        let error = await #expect(throws: EngineError.self) { try await gateway.sandbox() }
        #expect(error?.kind == .providerFailed)
        #expect(error?.message.contains("no room at the inn") == true)
        let kept = try await gateway.engine.sandboxes(SandboxQuery(), for: .local)
        #expect(kept.map(\.state) == [.ended])
        #expect(kept.first?.failure?.kind == .providersFailed)
        await gateway.stop()
    }

    @Test func `a caller that goes away while its sandbox is being made leaves none`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createDelay = .milliseconds(200) }
        let gateway = try await TestGateway([provider])
        let caller = Task { try await gateway.sandbox() }
        #expect(await eventually { provider.createCount == 1 })
        caller.cancel()
        await #expect(throws: EngineError.self) { try await caller.value }
        #expect(try await eventually { try await gateway.store.unsettledRuns().isEmpty })
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `killing a sandbox that is being made ends the making`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.createDelay = .seconds(3600) }
        let gateway = try await TestGateway([provider])
        let caller = Task { try await gateway.sandbox() }
        #expect(await eventually { provider.createCount == 1 })
        let id = try #require(try await gateway.engine.sandboxes(SandboxQuery(), for: .local).first?.id)
        #expect(try await gateway.engine.kill(id, for: .local).state == .ended)
        let error = await #expect(throws: EngineError.self) { try await caller.value }
        #expect(error?.kind == .sandboxEnded)
        await gateway.stop()
    }

    @Test func `an idempotency key leads to the same sandbox, and not to another request's`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let first = try await gateway.sandbox(key: "k")
        let (again, isNew) = try await gateway.engine.createSandbox(SandboxRequest(idempotencyKey: "k"), by: .local)
        #expect(again.id == first.id && !isNew)
        #expect(provider.createCount == 1)
        var other = SandboxRequest(idempotencyKey: "k")
        other.spec.cpu = 2
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.createSandbox(other, by: .local) }
        #expect(error?.kind == .idempotencyConflict)
        let run = await #expect(throws: EngineError.self) { try await gateway.engine.submit(.scripted(key: "k"), by: .local) }
        #expect(run?.kind == .idempotencyConflict)
        await gateway.stop()
    }

    // MARK: Leases

    @Test func `a lease that ends takes the sandbox with it`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox(timeout: .seconds(1))
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).state == .ended })
        let ended = try await gateway.engine.sandbox(made.id, for: .local)
        #expect(ended.failure == RunFailure(.timeout, "its lease ended"))
        #expect(try #require(ended.endedAt) < made.leaseUntil.addingTimeInterval(10))
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a renewal moves the lease everywhere, later and earlier`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox(timeout: .seconds(5))
        let renewed = try await gateway.engine.renew(made.id, for: .seconds(3600), by: .local)
        #expect(renewed.leaseUntil > made.leaseUntil.addingTimeInterval(3000))
        let lease = try #require(provider.lease(of: made.id))
        #expect(abs(lease.timeIntervalSince(renewed.leaseUntil)) < 0.01)
        let attempt = try #require(try await gateway.store.openAttempts().first)
        #expect(attempt.leaseUntil > renewed.leaseUntil)
        #expect(await !eventually(within: .milliseconds(5300)) { provider.livingCount == 0 })
        _ = try await gateway.engine.renew(made.id, for: .seconds(1), by: .local)
        #expect(await eventually { provider.livingCount == 0 })
        await gateway.stop()
    }

    @Test func `a renewal that the place refuses changes nothing`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let made = try await gateway.sandbox()
        provider.behave { $0.failures[.extend] = [ProviderError(.unsupported, "longest life reached")] }
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.renew(made.id, for: .seconds(7200), by: .local) }
        #expect(error?.kind == .unsupported)
        #expect(try await gateway.engine.sandbox(made.id, for: .local).leaseUntil == made.leaseUntil)
        await gateway.stop()
    }

    @Test func `a renewal that maxCost does not pay for is refused and changes nothing`() async throws {
        // $0.10 a second: about 600 s of life.
        let provider = ScriptedProvider(price: Self.price)
        let gateway = try await TestGateway([provider])
        let made = try await gateway.engine.createSandbox(SandboxRequest(constraints: Constraints(maxCost: "$60")), by: .local).sandbox
        let error = await #expect(throws: EngineError.self) { try await gateway.engine.renew(made.id, for: .seconds(3600), by: .local) }
        #expect(error?.problems.map(\.pointer) == ["/timeout"])
        let kept = try await gateway.engine.sandbox(made.id, for: .local)
        #expect(kept.state == .running && kept.leaseUntil == made.leaseUntil)
        await gateway.stop()
    }

    @Test func `a sandbox is killed before it costs more than maxCost, whatever its lease`() async throws {
        // $0.10 a second under a cap of $6.20, and a teardown of up to a minute, as long as a busy machine may take to get round to
        // the kill: about 2 s of life.
        var capabilities = ScriptedProvider().capabilities
        capabilities.teardownTime = .seconds(60)
        let provider = ScriptedProvider(price: Self.price, capabilities: capabilities)
        let gateway = try await TestGateway([provider])
        var request = SandboxRequest(constraints: Constraints(maxCost: "$6.20"))
        request.spec.timeout = .seconds(3600)
        let made = try await gateway.engine.createSandbox(request, by: .local).sandbox
        #expect(try await eventually { try await gateway.engine.sandbox(made.id, for: .local).state == .ended })
        let ended = try await gateway.engine.sandbox(made.id, for: .local)
        #expect(ended.failure?.kind == .costLimit)
        #expect(ended.cost <= "$6.20" && ended.cost > "$0.10")
        await gateway.stop()
    }

    // MARK: Pausing

    @Test func `a paused sandbox starts nothing until it is resumed`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        for _ in 0..<2 { #expect(try await gateway.engine.pause(id, for: .local).state == .paused) }
        #expect(provider.pausedCount == 1)
        let error = await #expect(throws: EngineError.self) {
            try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
        }
        #expect(error?.kind == .conflict)
        #expect(error?.message.contains("resume") == true)
        await #expect(throws: EngineError.self) { _ = try await gateway.engine.files(of: id, for: .local) }
        var query = SandboxQuery()
        query.states = [.paused]
        #expect(try await gateway.engine.sandboxes(query, for: .local).map(\.id) == [id])
        for _ in 0..<2 { #expect(try await gateway.engine.resume(id, for: .local).state == .running) }
        let handle = try await gateway.engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: .local)
        #expect(handle.info.pid == 1)
        await gateway.stop()
    }

    @Test func `what the place can't do is unsupported`() async throws {
        let provider = ScriptedProvider(
            capabilities: ProviderCapabilities(maximum: Resources(milliCPU: 8000, memoryMiB: 8192, diskGiB: 8)))
        let gateway = try await TestGateway([provider])
        let id = try await gateway.sandbox().id
        let engine = gateway.engine
        let kinds = [
            await #expect(throws: EngineError.self) { try await engine.pause(id, for: .local) },
            await #expect(throws: EngineError.self) { try await engine.resume(id, for: .local) },
            await #expect(throws: EngineError.self) { try await engine.fork(id, timeout: nil, metadata: nil, for: .local) },
            await #expect(throws: EngineError.self) { try await engine.snapshot(id, kind: .filesystem, name: nil, for: .local) },
            await #expect(throws: EngineError.self) { try await engine.usage(of: id, for: .local) },
            await #expect(throws: EngineError.self) { try await engine.endpoint(of: id, port: 80, for: .local) },
        ].map { $0?.kind }
        #expect(kinds == Array(repeating: .unsupported, count: 6))
        #expect(try await gateway.engine.sandboxes(SandboxQuery(), for: .local).count == 1)
        await gateway.stop()
    }

    // MARK: Tenants

    @Test func `another tenant's sandbox is as good as none through every call`() async throws {
        let provider = ScriptedProvider(script: [.cat])
        let gateway = try await TestGateway([provider])
        let engine = gateway.engine
        let id = try await gateway.sandbox().id
        let snapshot = try await engine.snapshot(id, kind: .filesystem, name: nil, for: .local).id
        let process = try await engine.startProcess(ProcessRequest(Command(["a"]), detached: true), in: id, for: .local).info.id
        let stranger = Principal(tenant: .generate(), project: .generate())
        let calls: [@Sendable () async throws -> Void] = [
            { _ = try await engine.sandbox(id, for: stranger) },
            { _ = try await engine.renew(id, for: .seconds(9), by: stranger) },
            { _ = try await engine.pause(id, for: stranger) },
            { _ = try await engine.resume(id, for: stranger) },
            { _ = try await engine.fork(id, timeout: nil, metadata: nil, for: stranger) },
            { _ = try await engine.kill(id, for: stranger) },
            { _ = try await engine.usage(of: id, for: stranger) },
            { _ = try await engine.endpoint(of: id, port: 80, for: stranger) },
            { _ = try await engine.files(of: id, for: stranger) },
            { _ = try await engine.snapshot(id, kind: .filesystem, name: nil, for: stranger) },
            { _ = try await engine.snapshot(snapshot, for: stranger) },
            { try await engine.deleteSnapshot(snapshot, for: stranger) },
            { _ = try await engine.createSandbox(SandboxRequest(snapshot: snapshot), by: stranger) },
            { _ = try await engine.startProcess(ProcessRequest(Command(["a"])), in: id, for: stranger) },
            { _ = try await engine.processes(in: id, for: stranger) },
            { _ = try await engine.process(process, in: id, for: stranger) },
            { _ = try await engine.processEvents(process, in: id, after: 0, following: true, for: stranger) },
            { try await engine.write(ByteBuffer(string: "x"), to: process, in: id, for: stranger) },
            { try await engine.closeInput(of: process, in: id, for: stranger) },
            { try await engine.signal(.kill, to: .group, of: process, in: id, for: stranger) },
            { try await engine.resize(TerminalSize(columns: 1, rows: 1), of: process, in: id, for: stranger) },
        ]
        for (index, call) in calls.enumerated() {
            let error = await #expect(throws: EngineError.self) { try await call() }
            #expect(error?.kind == .notFound, "call \(index)")
        }
        #expect(try await engine.sandboxes(SandboxQuery(), for: stranger).isEmpty)
        #expect(try await engine.snapshots(SnapshotQuery(), for: stranger).isEmpty)
        #expect(try await engine.sandbox(id, for: .local).state == .running)
        await gateway.stop()
    }
}

extension TestGateway {
    /// Makes a sandbox that nothing is special about.
    func sandbox(timeout: Duration = .seconds(300), key: String? = nil) async throws -> SandboxInfo {
        var request = SandboxRequest(idempotencyKey: key)
        request.spec.timeout = timeout
        return try await engine.createSandbox(request, by: .local).sandbox
    }
}
