import SandstormCore
import SandstormStore
import Testing

@Suite("Listing runs") struct RunListTests {
    @Test("newest first, page by page", arguments: StoreBackend.all)
    func paging(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let ids = (0..<7).map { RunID.generate(at: .at($0 * 1000)) }
            for id in ids.shuffled() { _ = try await store.accept(.fixture(id: id)) }
            var query = RunQuery()
            query.limit = 3
            var seen: [RunID] = []
            while true {
                let page = try await store.runs(query).map(\.result.id)
                guard let last = page.last else { break }
                #expect(page.count <= 3)
                seen += page
                query.before = last
            }
            #expect(seen == ids.reversed())
        }
    }

    @Test("a limit of nothing or less gives nothing", arguments: StoreBackend.all, [0, -1])
    func noLimit(backend: StoreBackend, limit: Int) async throws {
        try await backend.withStore { store in
            _ = try await store.accept(.fixture())
            var query = RunQuery()
            query.limit = limit
            #expect(try await store.runs(query).isEmpty)
        }
    }

    @Test("by tenant and by state, alone and together", arguments: StoreBackend.all)
    func filters(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (red, blue) = (TenantID.generate(), TenantID.generate())
            let runs = [red, red, blue].map { RunRecord.fixture(tenant: $0) }
            for run in runs { _ = try await store.accept(run) }
            try await store.setState(.running, of: runs[0].result.id)
            try await store.setState(.running, of: runs[2].result.id)
            func ids(_ tenant: TenantID?, _ states: Set<RunState>) async throws -> Set<RunID> {
                var query = RunQuery()
                query.tenant = tenant
                query.states = states
                return Set(try await store.runs(query).map(\.result.id))
            }
            #expect(try await ids(red, []) == [runs[0].result.id, runs[1].result.id])
            #expect(try await ids(nil, [.running]) == [runs[0].result.id, runs[2].result.id])
            #expect(try await ids(red, [.running, .finished]) == [runs[0].result.id])
            #expect(try await ids(nil, [.accepted, .running]).count == 3)
            #expect(try await ids(.generate(), []).isEmpty)
        }
    }

    @Test("lists leave out outputs and decision", arguments: StoreBackend.all)
    func withoutOutputs(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var run = RunRecord.fixture()
            run.result.decision = Decision(candidates: [], refusals: [.init(provider: "local", reason: "full")], objective: .fastest)
            _ = try await store.accept(run)
            let result = RunResult.finished(run.result.id)
            #expect(try await store.settle(result, attempts: []))
            let listed = try #require(try await store.runs(RunQuery()).first)
            #expect(listed.result.stdoutBytes.isEmpty)
            #expect(listed.result.decision == nil)
            #expect(listed.result.exitCode == 0)
            #expect(listed.request == run.request)
            #expect(try await store.run(run.result.id)?.result.decision == run.result.decision)
        }
    }

    @Test("what is not settled, oldest first", arguments: StoreBackend.all)
    func unsettled(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let ids = (0..<4).map { RunID.generate(at: .at($0 * 1000)) }
            for id in ids.reversed() { _ = try await store.accept(.fixture(id: id)) }
            #expect(try await store.settle(.finished(ids[1]), attempts: []))
            #expect(try await store.unsettledRuns().map(\.result.id) == [ids[0], ids[2], ids[3]])
        }
    }
}
