import SandstormCore
import SandstormEngine
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("A run's life") struct RunLifeTests {
    @Test func `a run goes from accepted to settled and leaves no sandbox`() async throws {
        let provider = ScriptedProvider(script: [.output("hel"), .output("lo\n"), .errorOutput("warn\n"), .exit(3)])
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(), by: .local)
        var events: [RunEvent] = []
        for try await event in handle.events { events.append(event) }
        #expect(events.map(\.name) == ["accepted", "decision", "started", "stdout", "stdout", "stderr", "exited", "settled"])
        #expect(events.map(\.sequence) == Array(1...8))
        guard case .settled(let result) = events.last?.body else {
            Issue.record("the last event is not settled")
            return
        }
        #expect(result.state == .finished)
        #expect(result.exitCode == 3)
        #expect(result.isSettled)
        #expect(result.stdout == "hello\n")
        #expect(result.stderr == "warn\n")
        #expect(result.provider == "scripted")
        #expect(result.timeToFirstOutput != nil)
        #expect(provider.livingCount == 0)
        let kept = try await gateway.engine.run(handle.id, for: .local)
        #expect(kept.exitCode == 3 && kept.stdout == "hello\n" && kept.isSettled)
        #expect(kept.decision?.ranking.count == 1)
        await gateway.stop()
    }

    @Test func `the sandbox is billed for its whole life, once`() async throws {
        let price = PriceSchedule(perVCPUSecond: Rate(picodollars: 1_000_000_000), perCreate: "$0.5", granularity: .seconds(60))
        let provider = ScriptedProvider(price: price)
        let gateway = try await TestGateway([provider])
        let result = try await gateway.run(.scripted())
        // One granule of a minute at $0.001 a second, and the create.
        #expect(result.cost == "$0.56")
        let attempts = try await gateway.store.attempts(of: result.id)
        #expect(attempts.map(\.charge) == ["$0.56"])
        #expect(attempts.allSatisfy { $0.endedAt != nil })
        await gateway.stop()
    }

    @Test func `input reaches the code and files the workspace`() async throws {
        let provider = ScriptedProvider(script: [.echoInput, .exit(0)])
        let gateway = try await TestGateway([provider])
        var request = RunRequest.scripted()
        request.spec.stdin = Array("a\nb\n".utf8)
        request.spec.files = [SpecFile(path: "data/in.txt", content: Array("x".utf8))]
        request.spec.environment = ["NAME": "value"]
        let result = try await gateway.run(request)
        #expect(result.stdout == "a\nb\n")
        #expect(provider.files["/workspace/data/in.txt"] == Array("x".utf8))
        #expect(provider.commands.last?.environment["NAME"] == "value")
        await gateway.stop()
    }

    @Test func `output is never cut inside a character`() async throws {
        let bytes = Array("a😀é".utf8)
        let provider = ScriptedProvider(script: bytes.map { .bytes([$0]) } + [.exit(0)])
        let gateway = try await TestGateway([provider])
        let handle = try await gateway.engine.submit(.scripted(), by: .local)
        var pieces: [[UInt8]] = []
        for try await event in handle.events {
            if case .stdout(let piece) = event.body { pieces.append(piece) }
        }
        #expect(pieces.flatMap(\.self) == bytes)
        #expect(pieces.allSatisfy { String(validating: $0, as: UTF8.self) != nil })
        await gateway.stop()
    }

    @Test func `bytes that are no UTF-8 come through unchanged`() async throws {
        let bytes: [UInt8] = [0xFF, 0xC3, 0x28, 0x80, 0xF0, 0x9F]
        let gateway = try await TestGateway([ScriptedProvider(script: [.bytes(bytes), .exit(0)])])
        #expect(try await gateway.run(.scripted()).stdoutBytes == bytes)
        await gateway.stop()
    }

    @Test func `a result keeps the beginning of a long output and says so`() async throws {
        var configuration = TestGateway.quick
        configuration.resultOutputLimit = 10
        let gateway = try await TestGateway(
            [ScriptedProvider(script: [.output("12345678"), .output("90abc"), .exit(0)])], configuration: configuration)
        let result = try await gateway.run(.scripted())
        #expect(result.stdout == "1234567890")
        #expect(result.truncated)
        await gateway.stop()
    }

    @Test func `a compiler's output goes to standard error and its failure ends the run`() async throws {
        let provider = ScriptedProvider(script: [.output("main.go:1: no\n"), .exit(2)])
        let gateway = try await TestGateway([provider])
        var request = RunRequest.scripted()
        request.spec.code = "package main"
        request.spec.language = .go
        let result = try await gateway.run(request)
        #expect(result.state == .finished)
        #expect(result.exitCode == 2)
        #expect(result.stdout.isEmpty)
        #expect(result.stderr == "main.go:1: no\n")
        #expect(provider.commands.count == 1)
        await gateway.stop()
    }

    @Test func `a missing toolchain is told in words`() async throws {
        let provider = ScriptedProvider()
        provider.behave { $0.missingPrograms = ["go"] }
        let gateway = try await TestGateway([provider])
        var request = RunRequest.scripted()
        request.spec.code = "package main"
        request.spec.language = .go
        let result = try await gateway.run(request)
        #expect(result.failure == RunFailure(.unsupported, "language go: no toolchain in this image"))
        #expect(provider.livingCount == 0)
        await gateway.stop()
    }

    @Test func `a spec that can't be right never reaches a provider`() async throws {
        let provider = ScriptedProvider()
        let gateway = try await TestGateway([provider])
        var request = RunRequest.scripted()
        request.spec.cpu = 0
        request.spec.memory = 1
        await #expect {
            _ = try await gateway.engine.submit(request, by: .local)
        } throws: { error in
            (error as? EngineError)?.problems.map(\.pointer) == ["/spec/cpu", "/spec/memory"]
        }
        #expect(provider.createCount == 0)
        #expect(try await gateway.store.runs(RunQuery()).isEmpty)
        await gateway.stop()
    }

    @Test func `a spec that no place can honour is refused with the reason, and nothing is journaled`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        var request = RunRequest.scripted()
        request.spec.gpu = GPURequest(type: "H100")
        await #expect {
            _ = try await gateway.engine.submit(request, by: .local)
        } throws: { error in
            guard let error = error as? EngineError else { return false }
            return error.kind == .noOffer && error.message.contains("gpu H100: not on offer") && error.decision != nil
        }
        #expect(try await gateway.store.runs(RunQuery()).isEmpty)
        await gateway.stop()
    }

    @Test func `another tenant's run is as good as none`() async throws {
        let gateway = try await TestGateway([ScriptedProvider()])
        let result = try await gateway.run(.scripted())
        let stranger = Principal(tenant: .generate(), project: .generate())
        await #expect(throws: EngineError.self) { _ = try await gateway.engine.run(result.id, for: stranger) }
        await #expect(throws: EngineError.self) { _ = try await gateway.engine.cancel(result.id, for: stranger) }
        #expect(try await gateway.engine.runs(RunQuery(), for: stranger).isEmpty)
        await gateway.stop()
    }
}
