import SandstormCore
import SandstormStore
import Testing

@Suite("Settling runs") struct SettlementTests {
    @Test("everything about the end is kept", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let decision = Decision(
                candidates: [
                    .init(
                        offer: .fixture, isKept: true, reason: "cheapest", predictedCost: "$0.01", worstCost: "$0.02",
                        predictedLatency: .milliseconds(9), costDeadline: .seconds(3))
                ], refusals: [], objective: .cheapest)
            let (run, attempts) = try await store.acceptRun(charges: ["$0.000000001", "$0.10"], decision: decision)
            var result = RunResult(id: run, state: .failed, createdAt: .at(5))
            result.provider = "local"
            result.sandbox = .generate()
            result.exitCode = -1
            result.signal = .kill
            result.stdoutBytes = [0, 255, 65]
            result.stderrBytes = Array("größer".utf8)
            result.truncated = true
            result.duration = .milliseconds(1234)
            result.timeToFirstOutput = .milliseconds(7)
            result.cost = "$0.100000001"
            result.decision = decision
            result.failure = RunFailure(.outOfMemory, "the sandbox used 512 MiB")
            result.metadata = ["team": "red"]
            #expect(try await store.settle(result, attempts: attempts))
            result.isSettled = true
            let kept = try #require(try await store.run(run))
            #expect(kept.result == result)
            #expect(try await store.attempts(of: run) == attempts)
        }
    }

    @Test("of fifty who settle at once, one does", arguments: StoreBackend.all)
    func once(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, attempts) = try await store.acceptRun(charges: ["$1"])
            let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                for code in 0..<50 {
                    group.addTask {
                        var result = RunResult.finished(run, cost: "$1")
                        result.exitCode = Int32(code)
                        return try await store.settle(result, attempts: attempts)
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
            #expect(try await store.run(run)?.result.cost == "$1")
        }
    }

    @Test("the second settlement changes nothing", arguments: StoreBackend.all)
    func second(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, attempts) = try await store.acceptRun(charges: ["$1"])
            #expect(try await store.settle(.finished(run, cost: "$1"), attempts: attempts))
            var dearer = attempts[0]
            dearer.charge = "$2"
            #expect(try await !store.settle(.finished(run, cost: "$2"), attempts: [dearer]))
            #expect(try await store.run(run)?.result.cost == "$1")
            #expect(try await store.attempts(of: run) == attempts)
        }
    }

    @Test("a bill that does not add up is refused whole", arguments: StoreBackend.all, Mistake.allCases)
    func mistakes(backend: StoreBackend, mistake: Mistake) async throws {
        try await backend.withStore { store in
            let (run, attempts) = try await store.acceptRun(charges: ["$1", "$2"])
            let (other, _) = try await store.acceptRun(charges: [])
            let (result, billed) = mistake.apply(to: .finished(run, cost: "$3"), attempts, other: other)
            let error = await #expect(throws: StoreError.self) { try await store.settle(result, attempts: billed) }
            #expect(error?.kind == .corrupt)
            #expect(try await store.run(run)?.result.isSettled == false)
            #expect(try await store.attempts(of: run) == attempts)
            #expect(try await store.settle(.finished(run, cost: "$3"), attempts: attempts))
        }
    }

    enum Mistake: CaseIterable, Sendable {
        case costDiffers, attemptLeftOut, attemptOfAnotherRun, attemptTwice, negativeCharge, overflow, stateNotFinal, unknownRun

        func apply(to result: RunResult, _ attempts: [AttemptRecord], other: RunID) -> (RunResult, [AttemptRecord]) {
            var (result, attempts) = (result, attempts)
            switch self {
            case .costDiffers: result.cost = "$2.999999999"
            case .attemptLeftOut:
                attempts.removeLast()
                result.cost = "$1"
            case .attemptOfAnotherRun:
                attempts.append(.fixture(of: other))
            case .attemptTwice:
                attempts.append(attempts[0])
                result.cost = "$4"
            case .negativeCharge:
                attempts[0].charge = "-$1"
                result.cost = "$1"
            case .overflow:
                attempts[0].charge = Money(nanodollars: .max)
                result.cost = attempts[0].charge
            case .stateNotFinal: result.state = .running
            case .unknownRun:
                result.id = .generate()
                attempts = []
                result.cost = .zero
            }
            return (result, attempts)
        }
    }

    @Test("a run without attempts is settled for nothing", arguments: StoreBackend.all, [RunState.finished, .failed, .cancelled])
    func withoutAttempts(backend: StoreBackend, state: RunState) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            #expect(try await store.settle(RunResult(id: run, state: state, createdAt: .at(5)), attempts: []))
            let kept = try #require(try await store.run(run)?.result)
            #expect(kept.state == state)
            #expect(kept.isSettled)
            #expect(kept.cost == .zero)
        }
    }

    @Test("an attempt that only the settlement knows is kept and billed", arguments: StoreBackend.all)
    func unknownAttempt(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            let attempt = AttemptRecord.fixture(of: run, charge: "$5")
            #expect(try await store.settle(.finished(run, cost: "$5"), attempts: [attempt]))
            #expect(try await store.attempts(of: run) == [attempt])
        }
    }

    @Test("states move freely until the run is settled", arguments: StoreBackend.all)
    func states(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            for state in [RunState.routed, .creating, .running, .creating, .running] {
                try await store.setState(state, of: run)
                #expect(try await store.run(run)?.result.state == state)
            }
            #expect(try await store.settle(.finished(run), attempts: []))
            try await store.setState(.running, of: run)
            #expect(try await store.run(run)?.result.state == .finished)
        }
    }

    @Test("an unknown run has no state", arguments: StoreBackend.all)
    func unknownRun(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let error = await #expect(throws: StoreError.self) { try await store.setState(.running, of: .generate()) }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test("a final state is reached by settling only", arguments: StoreBackend.all, [RunState.finished, .failed, .cancelled])
    func finalState(backend: StoreBackend, state: RunState) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            let error = await #expect(throws: StoreError.self) { try await store.setState(state, of: run) }
            #expect(error?.kind == .corrupt)
            #expect(try await store.run(run)?.result.state == .accepted)
        }
    }
}
