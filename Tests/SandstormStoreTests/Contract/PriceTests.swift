import SandstormCore
import SandstormStore
import Testing

@Suite("Keeping prices") struct PriceTests {
    private func change(_ entry: String, _ document: JSONValue?, at milliseconds: Int64, layer: String = "feed") -> PriceChangeRecord {
        PriceChangeRecord(at: .at(milliseconds), layer: layer, entry: entry, document: document, reason: "because of \(milliseconds)")
    }

    private func feed(_ serial: Int64, key: String = "one") -> PriceFeedRecord {
        PriceFeedRecord(key: key, serial: serial, digest: [UInt8(serial), 0, 255], expiresAt: .at(serial + 10), acceptedAt: .at(serial))
    }

    @Test("changes come back in their order, with all that they said", arguments: StoreBackend.all)
    func order(backend: StoreBackend) async throws {
        try await backend.withStore { store async throws in
            #expect(try await store.priceChanges().isEmpty)
            let first = [
                change("b", ["cpu": .number("0.10"), "title": "with \"quotes\" and ü"], at: 5, layer: "shipped"), change("a", nil, at: 5),
            ]
            // Dated before those that were kept before it: the order is that of keeping.
            let second = [change("a", .null, at: 3)]
            #expect(try await store.keep(first, of: nil))
            #expect(try await store.keep(second, of: nil))
            #expect(try await store.keep([], of: nil))
            #expect(try await store.priceChanges() == first + second)
        }
    }

    @Test("of a feed only what is newer is kept, each key by itself", arguments: StoreBackend.all)
    func feeds(backend: StoreBackend) async throws {
        try await backend.withStore { store async throws in
            #expect(try await store.priceFeed(key: "one") == nil)
            #expect(try await store.keep([change("a", 1, at: 1)], of: feed(7)))
            for serial: Int64 in [7, 6, 0] {
                #expect(try await store.keep([change("a", 2, at: 2)], of: feed(serial)) == false)
            }
            #expect(try await store.priceFeed(key: "one") == feed(7))
            #expect(try await store.keep([], of: feed(3, key: "two")))
            #expect(try await store.keep([change("a", 3, at: 3)], of: feed(8)))
            #expect(try await store.priceFeed(key: "one") == feed(8))
            #expect(try await store.priceFeed(key: "two") == feed(3, key: "two"))
            #expect(try await store.priceChanges().map(\.document) == [1, 3])
        }
    }
}
