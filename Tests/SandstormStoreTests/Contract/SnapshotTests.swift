import SandstormCore
import SandstormStore
import Testing

@Suite("Keeping snapshots") struct SnapshotTests {
    private func snapshot(_ tenant: TenantID, _ sandbox: SandboxID, at milliseconds: Int64, name: String? = nil) -> SnapshotRecord {
        let info = SnapshotInfo(
            id: .generate(at: .at(milliseconds)), sandbox: sandbox, provider: "local", kind: .memory, name: name,
            createdAt: .at(milliseconds))
        return SnapshotRecord(info: info, tenant: tenant, project: .generate(), providerSnapshot: "snap \(milliseconds)")
    }

    @Test("newest first, by tenant and sandbox, without what was deleted", arguments: StoreBackend.all)
    func lists(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let (red, blue) = (TenantID.generate(), TenantID.generate())
            let (one, two) = (SandboxID.generate(), SandboxID.generate())
            let records = [
                snapshot(red, one, at: 0, name: "first"), snapshot(red, two, at: 1000), snapshot(red, one, at: 2000),
                snapshot(blue, one, at: 3000),
            ]
            for record in records { try await store.insert(record) }
            #expect(try await store.snapshot(records[0].info.id) == records[0])
            func list(_ change: (inout SnapshotQuery) -> Void) async throws -> [SnapshotRecord] {
                var query = SnapshotQuery()
                change(&query)
                return try await store.snapshots(query)
            }
            #expect(try await list { _ in } == records.reversed())
            #expect(try await list { $0.tenant = red } == [records[2], records[1], records[0]])
            let both = try await list { query in
                query.tenant = red
                query.sandbox = one
            }
            #expect(both == [records[2], records[0]])
            #expect(try await list { $0.before = records[2].info.id } == [records[1], records[0]])
            #expect(try await list { $0.limit = 1 } == [records[3]])
            #expect(try await store.deleteSnapshot(records[2].info.id, at: .at(9)))
            #expect(try await store.deleteSnapshot(records[2].info.id, at: .at(10)) == false)
            #expect(try await store.deleteSnapshot(.generate(), at: .at(10)) == false)
            #expect(try await store.snapshot(records[2].info.id) == nil)
            #expect(try await list { $0.sandbox = one } == [records[3], records[0]])
        }
    }
}
