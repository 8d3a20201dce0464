import SandstormCore
import SandstormStore
import Testing

@Suite("Keeping what routing has learned") struct RoutingStateTests {
    @Test("the last that was kept is there, whole", arguments: StoreBackend.all)
    func keeps(backend: StoreBackend) async throws {
        try await backend.withStore { store in
            #expect(try await store.routingState() == nil)
            try await store.keep(routingState: [], at: .at(1))
            #expect(try await store.routingState() == [])
            let large = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await store.keep(routingState: large, at: .at(2))
            #expect(try await store.routingState() == large)
            try await store.keep(routingState: [1, 2], at: .at(3))
            #expect(try await store.routingState() == [1, 2])
        }
    }
}
