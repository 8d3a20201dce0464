import SandstormCore
import SandstormStore
import Testing

@Suite("Keeping API keys") struct KeyTests {
    @Test("a key is found by its hash until it is revoked", arguments: StoreBackend.all)
    func life(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            var key = KeyTests.key(hash: [1], at: 0)
            try await store.insert(key)
            #expect(try await store.key(hash: [1]) == key)
            #expect(try await store.key(hash: [2]) == nil)
            #expect(try await store.revokeKey(key.id, at: .at(50)))
            #expect(try await store.key(hash: [1]) == nil)
            key.revokedAt = .at(50)
            #expect(try await store.keys() == [key])
        }
    }

    @Test("revoking again keeps the first date; revoking nothing is told", arguments: StoreBackend.all)
    func revoking(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let key = KeyTests.key(hash: [1], at: 0)
            try await store.insert(key)
            #expect(try await store.revokeKey(key.id, at: .at(50)))
            #expect(try await store.revokeKey(key.id, at: .at(60)))
            #expect(try await store.keys().first?.revokedAt == .at(50))
            #expect(try await !store.revokeKey(.generate(), at: .at(0)))
        }
    }

    @Test("all keys, newest first", arguments: StoreBackend.all)
    func list(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            let keys = (0..<4).map { KeyTests.key(hash: [UInt8($0)], at: Int64($0)) }
            for key in keys.shuffled() { try await store.insert(key) }
            #expect(try await store.keys() == keys.reversed())
        }
    }

    @Test("a hash is used once", arguments: StoreBackend.all)
    func duplicate(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            try await store.insert(KeyTests.key(hash: [1], at: 0))
            let error = await #expect(throws: StoreError.self) { try await store.insert(KeyTests.key(hash: [1], at: 1)) }
            #expect(error?.kind == .corrupt)
        }
    }

    static func key(hash: [UInt8], at milliseconds: Int64) -> APIKeyRecord {
        APIKeyRecord(
            id: .generate(), tenant: .generate(), project: .generate(), name: "laptop", hash: hash, createdAt: .at(milliseconds))
    }
}
