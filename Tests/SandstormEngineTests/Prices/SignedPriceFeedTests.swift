import Crypto
import Foundation
import SandstormCore
import SandstormEngine
import SandstormRouting
import SandstormStore
import SandstormTestSupport
import Testing

@Suite("A signed price feed") struct SignedPriceFeedTests {
    private static let oneCPU = Resources(milliCPU: 1000, memoryMiB: 0, diskGiB: 0)

    private static func cost(_ book: PriceBook) -> Money? {
        (try? book.price(of: "fed"))?.schedule.cost(of: oneCPU, for: .seconds(3600))
    }

    private func withPrices(_ body: (Publisher, LivePrices, any Store, PriceClock) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        let store = try await SQLiteStore.open(directory: directory.path)
        let (publisher, clock) = (Publisher(), PriceClock())
        let prices = try await LivePrices.open(publisher.configuration, store: store, now: { clock.now })
        do {
            try await body(publisher, prices, store, clock)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    private func failure(_ outcome: LivePrices.Outcome) -> PriceSourceFailure.Kind? {
        if case .failed(let failure) = outcome { failure.kind } else { nil }
    }

    @Test func `what is signed and new is taken over, and what is the same again is no change`() async throws {
        try await withPrices { publisher, prices, store, _ in
            let feed = SignedPriceFeed(publisher.feed, over: publisher)
            try publisher.publish(Publisher.document(serial: 1))
            #expect(await prices.refresh(from: feed) == .changed(1))
            #expect(Self.cost(prices.book) == "0.5")
            let price = try prices.book.price(of: "fed")
            let freshness = prices.freshness(of: PriceID("fed"), price)
            #expect(freshness.origin == "feed" && freshness.certainty == "published" && !freshness.isStale && freshness.detail == nil)
            #expect(await prices.refresh(from: feed) == .unchanged)
            try publisher.publish(Publisher.document(serial: 5, usd: "0.6"))
            #expect(await prices.refresh(from: feed) == .changed(1))
            #expect(Self.cost(prices.book) == "0.6")
            let kept = try await store.priceChanges().filter { $0.layer == "feed" }
            #expect(kept.count == 2)
            #expect(kept.last?.reason.contains("number 5 of 2026-11-01") == true)
            #expect(prices.statuses.map(\.serial) == [5])
        }
    }

    @Test func `without a header the signature is in the file beside the document`() async throws {
        try await withPrices { publisher, prices, _, _ in
            let body = Publisher.document(serial: 1)
            try publisher.publish(body, signature: .some(nil))
            let text = try publisher.signature(of: body) + "\n"
            publisher.answer("https://prices.test/list.json.sig?plan=a", .success((Array(text.utf8), nil)))
            #expect(await prices.refresh(from: SignedPriceFeed(publisher.feed, over: publisher)) == .changed(1))
            #expect(publisher.asked == [Publisher.url, "https://prices.test/list.json.sig?plan=a"])
        }
    }

    @Test func `nothing that is wrong changes anything, and all of it shows`() async throws {
        try await withPrices { publisher, prices, store, _ in
            let feed = SignedPriceFeed(publisher.feed, over: publisher)
            try publisher.publish(Publisher.document(serial: 10))
            #expect(await prices.refresh(from: feed) == .changed(1))
            let before = try await store.priceChanges()
            let other = Curve25519.Signing.PrivateKey()
            let good = Publisher.document(serial: 11, usd: "9")
            var bent = good
            bent[20] ^= 1
            let faults: [(PriceSourceFailure.Kind, [UInt8], String?)] = [
                (.badSignature, good, Data(try other.signature(for: good)).base64EncodedString()), (.badSignature, good, "garbage"),
                (.badSignature, good, ""), (.badSignature, bent, try publisher.signature(of: good)),
                (.malformed, Array("not JSON".utf8), nil), (.malformed, [0xFF, 0x00], nil), (.malformed, [], nil),
                (.malformed, Array("[]".utf8), nil), (.malformed, Array("{}".utf8), nil),
                (
                    .malformed,
                    Array(String(decoding: good, as: UTF8.self).replacing("0000-", with: "x").replacing("\"9\"", with: "\"-9\"").utf8), nil
                ),
                (.malformed, Array(String(decoding: good, as: UTF8.self).replacing("\"serial\"", with: "\"number\"").utf8), nil),
                (.replayed, Publisher.document(serial: 9, usd: "9"), nil), (.replayed, Publisher.document(serial: 10, usd: "9"), nil),
                (.outOfDate, Publisher.document(serial: 12, usd: "9", expiresAt: "2026-11-02T00:00:00Z"), nil),
                (.outOfDate, Publisher.document(serial: 12, usd: "9", issuedAt: "2098-01-01T00:00:00Z"), nil),
            ]
            for (index, (kind, body, signature)) in faults.enumerated() {
                try publisher.publish(body, signature: .some(try signature ?? publisher.signature(of: body)))
                #expect(failure(await prices.refresh(from: feed)) == kind, "fault \(index)")
                #expect(Self.cost(prices.book) == "0.5")
                #expect(prices.statuses.first?.failure?.kind == kind)
                let detail = prices.freshness(of: PriceID("fed"), try prices.book.price(of: "fed")).detail
                #expect(detail?.hasPrefix("feed https://prices.test") == true)
            }
            for kind in [PriceSourceFailure.Kind.tooLarge, .redirected, .unreachable] {
                publisher.answer(Publisher.url, .failure(PriceSourceFailure(kind, "broken")))
                #expect(failure(await prices.refresh(from: feed)) == kind)
            }
            #expect(try await store.priceChanges() == before)
            // What is right again is taken again.
            try publisher.publish(good)
            #expect(await prices.refresh(from: feed) == .changed(1))
            #expect(prices.statuses.first?.failure == nil)
        }
    }

    @Test func `the last number is known after a restart, and its prices hold`() async throws {
        let directory = try TemporaryDirectory()
        let publisher = Publisher()
        for serial in [7, 6] {
            let store = try await SQLiteStore.open(directory: directory.path)
            let prices = try await LivePrices.open(publisher.configuration, store: store)
            #expect(Self.cost(prices.book) == (serial == 7 ? nil : "0.5"))
            try publisher.publish(Publisher.document(serial: serial))
            let outcome = await prices.refresh(from: SignedPriceFeed(publisher.feed, over: publisher))
            #expect(failure(outcome) == (serial == 7 ? nil : .replayed))
            await store.close()
        }
        // A feed that is configured no more says nothing any more; its past stays.
        let store = try await SQLiteStore.open(directory: directory.path)
        let prices = try await LivePrices.open(PriceConfiguration(), store: store)
        #expect(Self.cost(prices.book) == nil)
        #expect(prices.history.records.contains { $0.layer == .feed && $0.document != nil })
        await store.close()
    }

    @Test func `what held for a time that is over is told as stale and uncertain`() async throws {
        try await withPrices { publisher, prices, _, clock in
            let feed = SignedPriceFeed(publisher.feed, over: publisher)
            try publisher.publish(Publisher.document(serial: 1, expiresAt: "2026-11-30T00:00:00Z"))
            #expect(await prices.refresh(from: feed) == .changed(1))
            clock.advance(by: 30 * 86_400)
            let freshness = prices.freshness(of: PriceID("fed"), try prices.book.price(of: "fed"))
            #expect(freshness.isStale && freshness.certainty == "uncertain")
            #expect(failure(await prices.refresh(from: feed)) == .outOfDate)
            #expect(Self.cost(prices.book) == "0.5")
        }
    }

    @Test func `of gateways over one store only one takes a document over`() async throws {
        try await withPrices { publisher, first, store, clock in
            let second = try await LivePrices.open(publisher.configuration, store: store, now: { clock.now })
            let feed = SignedPriceFeed(publisher.feed, over: publisher)
            try publisher.publish(Publisher.document(serial: 2))
            #expect(await first.refresh(from: feed) == .changed(1))
            #expect(failure(await second.refresh(from: feed)) == .replayed)
            #expect(try await store.priceChanges().count { $0.layer == "feed" } == 1)
        }
    }
}
