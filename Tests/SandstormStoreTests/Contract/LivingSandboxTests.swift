import SandstormCore
import SandstormStore
import Testing

@Suite("Journaling living sandboxes") struct LivingSandboxTests {
    @Test("a sandbox comes back as it was kept, without its files", arguments: StoreBackend.all)
    func roundTrip(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var (run, sandbox) = RunRecord.living()
            sandbox.info.snapshot = .generate()
            sandbox.info.parent = .generate()
            sandbox.info.onLeaseEnd = .pause
            sandbox.info.attributes = ["dialect": 1]
            var kept = sandbox
            sandbox.info.spec.files = [SpecFile(path: "secret", content: [1])]
            guard case .accepted = try await store.accept(run, sandbox) else {
                Issue.record("not accepted")
                return
            }
            #expect(try await store.sandbox(sandbox.info.id) == kept)
            #expect(try await store.sandbox(of: run.result.id) == kept)
            #expect(try await store.sandbox(.generate()) == nil)
            #expect(try await store.run(run.result.id)?.kind == .sandbox)
            kept.info.state = .paused
            kept.info.provider = "local"
            kept.info.region = "eu"
            kept.info.leaseUntil = .at(99_000)
            kept.info.keptSince = .at(98_000)
            kept.providerSandbox = ProviderSandboxID("box-7")
            #expect(try await store.save(kept))
            kept.info.attributes = ["dialect": ["template": "base", "quoted": "a\"b"]]
            #expect(try await store.set(kept.info.attributes, of: kept.info.id))
            #expect(try await store.set(kept.info.attributes, of: .generate()) == false)
            #expect(try await store.sandbox(sandbox.info.id) == kept)
            run = try #require(try await store.unsettledRuns().first)
            #expect(run.result.id == kept.info.run)
        }
    }

    @Test("a known key journals nothing", arguments: StoreBackend.all)
    func idempotency(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let tenant = TenantID.generate()
            let (first, sandbox) = RunRecord.living(tenant: tenant, idempotencyKey: "k")
            _ = try await store.accept(first, sandbox)
            let (second, other) = RunRecord.living(tenant: tenant, idempotencyKey: "k")
            guard case .existing(let earlier) = try await store.accept(second, other) else {
                Issue.record("not found")
                return
            }
            #expect(earlier.result.id == first.result.id)
            #expect(try await store.sandbox(other.info.id) == nil)
        }
    }

    @Test("settling its run ends a sandbox, for good", arguments: StoreBackend.all)
    func settling(backend: StoreBackend) async throws {
        let clock = TestClock()
        try await backend.withStore(clock: clock) { store in
            var (run, sandbox) = RunRecord.living()
            _ = try await store.accept(run, sandbox)
            var attempt = AttemptRecord.fixture(of: run.result.id, charge: "$2")
            try await store.save(attempt)
            attempt.endedAt = .at(77)
            run.result.state = .failed
            run.result.failure = RunFailure(.timeout, "its lease ended")
            run.result.cost = "$2"
            #expect(try await store.settle(run.result, attempts: [attempt]))
            let ended = try #require(try await store.sandbox(sandbox.info.id)).info
            #expect(ended.state == .ended && ended.endedAt == clock.now && ended.cost == "$2")
            #expect(ended.failure == run.result.failure)
            sandbox.info.state = .running
            #expect(try await store.save(sandbox) == false)
            #expect(try await store.renew(sandbox.info.id, until: .at(1), attemptUntil: .at(2)) == false)
            #expect(try await store.sandbox(sandbox.info.id)?.info == ended)
        }
    }

    @Test("that somebody asked for the end is no failure", arguments: StoreBackend.all)
    func killed(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var (run, sandbox) = RunRecord.living()
            _ = try await store.accept(run, sandbox)
            run.result.state = .cancelled
            run.result.failure = RunFailure(.cancelled, "cancelled by the caller")
            #expect(try await store.settle(run.result, attempts: []))
            let ended = try #require(try await store.sandbox(sandbox.info.id)).info
            #expect(ended.state == .ended && ended.failure == nil)
            sandbox.info.state = .ended
            let strayed = sandbox
            let error = await #expect(throws: StoreError.self) { try await store.save(strayed) }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test("a renewal moves the sandbox's lease and that of its open attempts", arguments: StoreBackend.all)
    func renewal(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, sandbox) = RunRecord.living()
            _ = try await store.accept(run, sandbox)
            var ended = AttemptRecord.fixture(of: run.result.id, number: 1)
            ended.endedAt = .at(50)
            let open = AttemptRecord.fixture(of: run.result.id, number: 2)
            for attempt in [ended, open] { try await store.save(attempt) }
            #expect(try await store.renew(sandbox.info.id, until: .at(500_000), attemptUntil: .at(600_000)))
            #expect(try await store.sandbox(sandbox.info.id)?.info.leaseUntil == .at(500_000))
            #expect(try await store.attempts(of: run.result.id).map(\.leaseUntil) == [ended.leaseUntil, .at(600_000)])
            #expect(try await store.renew(.generate(), until: .at(1), attemptUntil: .at(2)) == false)
            #expect(try await store.save(sandbox, attemptUntil: .at(700_000)))
            #expect(try await store.attempts(of: run.result.id).map(\.leaseUntil) == [ended.leaseUntil, .at(700_000)])
        }
    }

    @Test("a run changes hands once", arguments: StoreBackend.all)
    func handing(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (run, sandbox) = RunRecord.living()
            _ = try await store.accept(run, sandbox)
            let winners = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<8 {
                    group.addTask { try await store.hand(run.result.id, from: run.owner, to: "gateway \(number)") }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(winners == 1)
            #expect(try await store.hand(run.result.id, from: run.owner, to: "late") == false)
            let owner = try #require(try await store.run(run.result.id)).owner
            #expect(owner.hasPrefix("gateway ") && owner != run.owner)
            var result = run.result
            result.state = .finished
            #expect(try await store.settle(result, attempts: []))
            #expect(try await store.hand(run.result.id, from: owner, to: "heir") == false)
        }
    }

    @Test("newest first, by tenant, state and every label", arguments: StoreBackend.all)
    func lists(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (red, blue) = (TenantID.generate(), TenantID.generate())
            var ids: [SandboxID] = []
            for index in 0..<6 {
                let metadata = index == 0 ? [:] : ["team": index.isMultiple(of: 2) ? "even" : "odd", "a\"b.c": "\(index)"]
                var (run, sandbox) = RunRecord.living(
                    id: .generate(at: .at(Int64(index * 1000))), tenant: index == 5 ? blue : red, metadata: metadata)
                _ = try await store.accept(run, sandbox)
                ids.append(sandbox.info.id)
                if index == 2 {
                    sandbox.info.state = .running
                    #expect(try await store.save(sandbox))
                }
                if index == 3 {
                    run.result.state = .finished
                    #expect(try await store.settle(run.result, attempts: []))
                }
            }
            func list(_ change: (inout SandboxQuery) -> Void) async throws -> [Int] {
                var query = SandboxQuery()
                change(&query)
                return try await store.sandboxes(query).compactMap { ids.firstIndex(of: $0.info.id) }
            }
            #expect(try await list { _ in } == [5, 4, 3, 2, 1, 0])
            #expect(try await list { $0.tenant = red } == [4, 3, 2, 1, 0])
            #expect(try await list { $0.states = [.running, .ended] } == [3, 2])
            #expect(try await list { $0.metadata = ["team": "even"] } == [4, 2])
            #expect(try await list { $0.metadata = ["team": "even", "a\"b.c": "4"] } == [4])
            #expect(try await list { $0.metadata = ["team": "e%"] }.isEmpty)
            #expect(try await list { $0.before = ids[4] } == [3, 2, 1, 0])
            #expect(try await list { $0.limit = 2 } == [5, 4])
            #expect(try await list { $0.limit = -1 }.isEmpty)
            let all = try await list { query in
                query.tenant = red
                query.states = [.creating]
                query.metadata = ["team": "odd"]
                query.before = ids[4]
            }
            #expect(all == [1])
        }
    }

    @Test("oldest first, by time and by what a front end noted down, and counted", arguments: StoreBackend.all)
    func moreLists(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var ids: [SandboxID] = []
            for index in 0..<5 {
                var (run, sandbox) = RunRecord.living(id: .generate(at: .at(Int64(index * 1000))))
                sandbox.info.createdAt = .at(Int64(index * 1000))
                if index > 0 { sandbox.info.attributes = ["dialect": ["template": index == 3 ? "other" : "base", "number": 1]] }
                _ = try await store.accept(run, sandbox)
                ids.append(sandbox.info.id)
                if index == 4 {
                    run.result.state = .finished
                    #expect(try await store.settle(run.result, attempts: []))
                }
            }
            func list(_ change: (inout SandboxQuery) -> Void) async throws -> [Int] {
                var query = SandboxQuery()
                query.order = .oldestFirst
                change(&query)
                let found = try await store.sandboxes(query).compactMap { ids.firstIndex(of: $0.info.id) }
                query.after = nil
                let count = try await store.sandboxCount(query)
                query.limit = 100
                #expect(try await store.sandboxes(query).count == count)
                return found
            }
            #expect(try await list { _ in } == [0, 1, 2, 3, 4])
            #expect(try await list { $0.after = ids[1] } == [2, 3, 4])
            #expect(try await list { $0.limit = 2 } == [0, 1])
            #expect(try await list { $0.states = [.creating, .running] } == [0, 1, 2, 3])
            #expect(try await list { $0.attributes = [SandboxQuery.Attribute(["dialect", "template"], "base")] } == [1, 2, 4])
            #expect(try await list { $0.attributes = [SandboxQuery.Attribute(["dialect", "template"], "b'; --")] }.isEmpty)
            #expect(try await list { $0.attributes = [SandboxQuery.Attribute(["other", "template"], "base")] }.isEmpty)
            let between = try await list { query in
                query.createdFrom = .at(1000)
                query.createdBefore = .at(3000)
            }
            #expect(between == [1, 2])
        }
    }

    @Test("run lists leave sandboxes out unless they are asked for", arguments: StoreBackend.all)
    func hidden(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let program = RunRecord.fixture()
            _ = try await store.accept(program)
            let (run, sandbox) = RunRecord.living()
            _ = try await store.accept(run, sandbox)
            func ids(_ kinds: Set<RunRecord.Kind>) async throws -> Set<RunID> {
                var query = RunQuery()
                query.kinds = kinds
                return Set(try await store.runs(query).map(\.result.id))
            }
            #expect(try await store.runs(RunQuery()).map(\.result.id) == [program.result.id])
            #expect(try await ids([.sandbox]) == [run.result.id])
            #expect(try await ids([.program, .sandbox]) == [program.result.id, run.result.id])
            #expect(try await store.unsettledRuns().count == 2)
        }
    }
}

extension RunRecord {
    /// A sandbox that is being made, and the run that is its life.
    static func living(
        id: SandboxID = .generate(), tenant: TenantID = .generate(), idempotencyKey: String? = nil, metadata: [String: String] = [:]
    ) -> (run: RunRecord, sandbox: LivingSandboxRecord) {
        var spec = SandboxSpec()
        spec.cpu = 1.5
        spec.environment = ["A": "b"]
        spec.metadata = metadata
        var run = RunRecord.fixture(tenant: tenant, idempotencyKey: idempotencyKey)
        run.kind = .sandbox
        run.request.spec = spec
        let info = SandboxInfo(id: id, run: run.result.id, state: .creating, spec: spec, createdAt: .at(5), leaseUntil: .at(60_000))
        return (run, LivingSandboxRecord(info: info, tenant: tenant, project: run.project))
    }
}
