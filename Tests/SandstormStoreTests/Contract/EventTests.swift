import SandstormCore
import SandstormStore
import Testing

@Suite("Keeping events") struct EventTests {
    @Test("every kind of event comes back", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var record = RunRecord.fixture()
            let decision = Decision(candidates: [], refusals: [.init(provider: "local", reason: "full")], objective: .fastest)
            record.result.decision = decision
            _ = try await store.accept(record)
            let run = record.result.id
            var settled = RunResult(id: run, state: .failed, createdAt: .at(5))
            settled.metadata = record.result.metadata
            settled.decision = decision
            settled.isSettled = true
            settled.failure = RunFailure(.timeout, "5 s")
            let bodies: [RunEvent.Body] = [
                .accepted(run),
                .decision(decision),
                .started(provider: "local", sandbox: .generate(), attempt: 2), .stdout(Array("höllo\n".utf8)), .stdout([255, 0]),
                .stderr([]), .stderr(Array("{\"data\":1}".utf8)),
                .exited(ExitStatus(.code(3), cpuTime: .milliseconds(5), peakMemoryKiB: 9)),
                .exited(ExitStatus(.signal(.kill))), .settled(settled),
            ]
            let events = bodies.enumerated().map { RunEvent(sequence: $0 + 1, time: .at(Int64($0)), body: $1) }
            try await store.append(Array(events[..<4]), to: run)
            #expect(try await store.settle(settled, attempts: [], events: Array(events[4...])))
            let kept = try await store.events(of: run, after: 0, limit: 100)
            #expect(kept.count == events.count)
            for (kept, event) in zip(kept, events) { #expect(kept == event) }
        }
    }

    @Test("in order, from where the reader was, up to the limit", arguments: StoreBackend.all)
    func paging(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            try await store.append(EventTests.lines(6...9), to: run)
            try await store.append(EventTests.lines(1...5), to: run)
            let other = try await store.acceptRun(charges: []).run
            try await store.append(EventTests.lines(1...2), to: other)
            #expect(try await store.events(of: run, after: 0, limit: 100).map(\.sequence) == Array(1...9))
            #expect(try await store.events(of: run, after: 3, limit: 2).map(\.sequence) == [4, 5])
            #expect(try await store.events(of: run, after: 9, limit: 2).isEmpty)
            #expect(try await store.events(of: run, after: 0, limit: -1).isEmpty)
        }
    }

    @Test("who has seen more than a crash has left is told of the end, once", arguments: StoreBackend.all)
    func afterCrash(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            try await store.append(EventTests.lines(1...2), to: run)
            let result = RunResult.finished(run)
            let last = RunEvent(sequence: 3, time: .at(9), body: .settled(result))
            #expect(try await store.settle(result, attempts: [], events: [last]))
            #expect(try await store.events(of: run, after: 1, limit: 9).map(\.sequence) == [2, 3])
            #expect(try await store.events(of: run, after: 3, limit: 9).isEmpty)
            #expect(try await store.events(of: run, after: 7, limit: 9).map(\.sequence) == [3])
        }
    }

    @Test("what is kept already is passed over", arguments: StoreBackend.all)
    func duplicates(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, _) = try await store.acceptRun(charges: [])
            try await store.append(EventTests.lines(1...3), to: run)
            let changed = RunEvent(sequence: 2, time: .at(0), body: .stderr([1]))
            try await store.append([changed] + EventTests.lines(3...5), to: run)
            #expect(try await store.events(of: run, after: 0, limit: 100) == EventTests.lines(1...5))
        }
    }

    @Test("what has happened is written together", arguments: StoreBackend.all)
    func progress(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let record = RunRecord.fixture()
            var attempt = AttemptRecord.fixture(of: record.result.id)
            guard case .accepted = try await store.accept(record, nil, attempt) else { throw CancellationError() }
            #expect(try await store.attempts(of: attempt.run) == [attempt])
            attempt.startedAt = .at(11)
            let events = EventTests.lines(1...2)
            try await store.save(RunProgress(attempt: attempt, state: .running, events: events), of: attempt.run)
            #expect(try await store.attempts(of: attempt.run) == [attempt])
            #expect(try await store.run(attempt.run)?.result.state == .running)
            #expect(try await store.events(of: attempt.run, after: 0, limit: 9) == events)
            // All of it or none: the attempt is another run's.
            let other = AttemptRecord.fixture(of: .generate())
            let more = RunProgress(attempt: other, state: .creating, events: EventTests.lines(3...3))
            await #expect(throws: StoreError.self) { try await store.save(more, of: attempt.run) }
            #expect(try await store.run(attempt.run)?.result.state == .running)
            #expect(try await store.events(of: attempt.run, after: 2, limit: 9).isEmpty)
        }
    }

    @Test("events need their run", arguments: StoreBackend.all)
    func unknownRun(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            try await store.append([], to: .generate())
            let error = await #expect(throws: StoreError.self) { try await store.append(EventTests.lines(1...1), to: .generate()) }
            #expect(error?.kind == .corrupt)
        }
    }

    static func lines(_ range: ClosedRange<Int>) -> [RunEvent] {
        range.map { RunEvent(sequence: $0, time: .at(Int64($0)), body: .stdout(Array("line \($0)\n".utf8))) }
    }
}
