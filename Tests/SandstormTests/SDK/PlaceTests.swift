import Foundation
import Sandstorm
import SandstormTestSupport
import Testing

/// One suite for both ways: a program must not notice whether a gateway or the embedded engine does the work.
@Suite("The SDK, embedded and with a gateway", .needsSandboxes) struct PlaceTests {
    enum Place: String, CaseIterable, CustomTestStringConvertible {
        case embedded, gateway

        var testDescription: String { rawValue }
    }

    /// Does something with a `Sandstorm` of the kind, and ends everything after it.
    private func with(_ place: Place, _ work: (Sandstorm, Fixture) async throws -> Void) async throws {
        let fixture = try Fixture()
        let ended: Result<Void, any Error>
        switch place {
        case .embedded:
            let sandstorm = Sandstorm(dataDirectory: fixture.directory.path + "/embedded")
            ended = await outcome { try await work(sandstorm, fixture) }
            await sandstorm.shutDown()
            #expect(Sandboxes.living(in: fixture.directory.path + "/embedded") == [])
        case .gateway:
            let (gateway, url) = try await fixture.serve("--dev")
            let sandstorm = Sandstorm(gateway: url)
            ended = await outcome { try await work(sandstorm, fixture) }
            await sandstorm.shutDown()
            gateway.send(.terminate)
            _ = try await gateway.outcome()
            #expect(Sandboxes.living(in: fixture.directory.path + "/gateway") == [])
        }
        try ended.get()
    }

    @Test("the README's example", arguments: Place.allCases)
    func example(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let result = try await sandstorm.run(
                "print(2**64)", language: .python, constraints: .init(maxCost: "$0.10", maxLatency: .seconds(5)))
            #expect(result.stdout == "18446744073709551616\n")
            #expect(result.provider == "local")
            #expect(result.cost <= "$0.10")
            #expect(result.isSettled)
        }
    }

    @Test("a spec with everything around the code", arguments: Place.allCases)
    func spec(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let result = try await sandstorm.run("cat; cat note.txt; echo $NAME >&2; exit 3", language: .shell) { spec in
                spec.stdin = Array("in\n".utf8)
                spec.files = [SpecFile(path: "note.txt", content: Array("file\n".utf8))]
                spec.environment = ["NAME": "value"]
            }
            #expect(result.stdout == "in\nfile\n")
            #expect(result.stderr == "value\n")
            #expect(result.exitCode == 3)
            #expect(result.state == .finished)
        }
    }

    @Test("events are numbered and end with settled", arguments: Place.allCases)
    func events(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            var events: [RunEvent] = []
            for try await event in sandstorm.stream("echo out", language: .shell) { events.append(event) }
            #expect(events.map(\.sequence) == Array(1...events.count))
            #expect(events.map(\.name) == ["accepted", "decision", "started", "stdout", "exited", "settled"])
            guard case .settled(let result) = events.last?.body else { return }

            var again: [RunEvent] = []
            for try await event in sandstorm.events(of: result.id, after: 3) { again.append(event) }
            #expect(again.map(\.sequence) == Array(events.map(\.sequence).dropFirst(3)))
            var output: [UInt8] = []
            for try await chunk in sandstorm.logs(of: result.id, following: false) { output += chunk.bytes }
            #expect(output == Array("out\n".utf8))
        }
    }

    @Test("a failed run is a result", arguments: Place.allCases)
    func failure(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let result = try await sandstorm.run("sleep 60", language: .shell) { $0.timeout = .seconds(1) }
            #expect(result.state == .failed)
            #expect(result.failure?.kind == .timeout)
        }
    }

    @Test("a request that can't be right is refused with all problems", arguments: Place.allCases)
    func refusal(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let error = await #expect(throws: SandstormError.self) {
                try await sandstorm.run("1", language: .python) { spec in
                    spec.cpu = 1000
                    spec.memory = 1
                }
            }
            #expect(error?.kind == .invalidRequest)
            #expect(error?.problems.map(\.pointer) == ["/spec/cpu", "/spec/memory"])
        }
    }

    @Test("nothing can run this", arguments: Place.allCases)
    func noOffer(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let request = RunRequest(spec: SandboxSpec(code: "1", language: .python), constraints: .init(excludeProviders: ["local"]))
            let error = await #expect(throws: SandstormError.self) { try await sandstorm.run(request) }
            #expect(error?.kind == .noOffer)
            #expect(error?.decision?.candidates.first?.isKept == false)
            let decision = try await sandstorm.decide(request)
            #expect(decision.ranking.isEmpty)
        }
    }

    @Test("cancelling the task ends the run", arguments: Place.allCases)
    func cancellation(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let seen = Locked<RunID?>(nil)
            let task = Task {
                for try await event in sandstorm.stream("echo begun; sleep 60", language: .shell) {
                    switch event.body {
                    case .accepted(let id): seen.withLock { $0 = id }
                    case .stdout: withUnsafeCurrentTask { $0?.cancel() }
                    default: break
                    }
                }
            }
            let error = await #expect(throws: SandstormError.self) { try await task.value }
            #expect(error?.kind == .cancelled)
            let id = try #require(seen.withLock { $0 })
            #expect(try await eventually { try await sandstorm.run(id).isSettled })
            #expect(try await sandstorm.run(id).state == .cancelled)
        }
    }

    @Test("leaving the loop ends the run", arguments: Place.allCases)
    func abandonment(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            var seen: RunID?
            for try await event in sandstorm.stream("echo begun; sleep 60", language: .shell) {
                if case .accepted(let id) = event.body { seen = id }
                if case .stdout = event.body { break }
            }
            let id = try #require(seen)
            #expect(try await eventually { try await sandstorm.run(id).isSettled })
            #expect(try await sandstorm.run(id).state == .cancelled)
        }
    }

    @Test("a detached run goes on, and can be cancelled", arguments: Place.allCases)
    func detached(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let spec = SandboxSpec(code: "echo begun; sleep 60", language: .shell)
            let started = try await sandstorm.run(RunRequest(spec: spec, detached: true))
            #expect(!started.isSettled)
            #expect(try await eventually { try await sandstorm.run(started.id).state == .running })
            #expect(try await sandstorm.runs(in: [.running]).map(\.id) == [started.id])
            let ended = try await sandstorm.cancel(started.id)
            #expect(ended.state == .cancelled)
            #expect(ended.isSettled)
        }
    }

    @Test("an idempotency key means one run", arguments: Place.allCases)
    func idempotency(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let request = RunRequest(spec: SandboxSpec(code: "echo out", language: .shell), idempotencyKey: "once")
            let first = try await sandstorm.run(request)
            let second = try await sandstorm.run(request)
            #expect(second.id == first.id)
            let other = RunRequest(spec: SandboxSpec(code: "echo other", language: .shell), idempotencyKey: "once")
            let error = await #expect(throws: SandstormError.self) { try await sandstorm.run(other) }
            #expect(error?.kind == .idempotencyConflict)
        }
    }

    @Test("what is not there", arguments: Place.allCases)
    func notFound(place: Place) async throws {
        try await with(place) { sandstorm, _ in
            let error = await #expect(throws: SandstormError.self) { try await sandstorm.run(RunID.generate()) }
            #expect(error?.kind == .notFound)
            let runs = try await sandstorm.runs()
            #expect(runs == [])
            let providers = try await sandstorm.providers()
            #expect(providers.map(\.id) == ["local"])
        }
    }
}
